/**
 * A process for `stdio_test.ts`: does one thing with its standard streams
 * through the connection that is tested, and says how that went.
 *
 * @module
 */

import { host } from "../../../src/runtime/detect.ts";
import {
  currentProcess,
  exit,
  programArguments,
} from "../../../src/runtime/process.ts";

const io = currentProcess();
const connection = host().stdio();

const TASKS: Readonly<Record<string, () => Promise<string>>> = {
  async echo() {
    const into = new Uint8Array(10_000);
    let total = 0;
    for (;;) {
      const count = await connection.read(into);
      if (count === 0) break;
      await connection.write(into.subarray(0, count));
      total += count;
    }
    await connection.closeWrite();
    return `echoed ${total}`;
  },
  async flood() {
    const chunk = new Uint8Array(1024 * 1024);
    try {
      for (let i = 0; i < 64; i++) await connection.write(chunk);
    } catch (error) {
      return `stopped by ${(error as { code?: string }).code}`;
    }
    return "never stopped";
  },
  async abort() {
    const signal = AbortSignal.timeout(100);
    try {
      await connection.read(new Uint8Array(1), signal);
    } catch (error) {
      return `ended by ${(error as Error).name}`;
    }
    return "never ended";
  },
  async complain() {
    for (let i = 0; i < 100; i++) io.writeError("nobody reads this\n");
    await connection.write(new TextEncoder().encode("alive"));
    return "";
  },
};

const report = await TASKS[programArguments()[0] ?? ""]?.();
io.writeError(report ?? "no such task");
await io.flushError();
exit(0);
