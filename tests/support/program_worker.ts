/**
 * A thread that runs one program over the runtime's own, and sends what came
 * of it.
 *
 * @module
 */

import { runProgram } from "../../src/runtime/programs.ts";

const port = globalThis as unknown as {
  postMessage(message: unknown): void;
};
let taken = 0;

const { code } = await runProgram("sh", {
  args: ["-c", "cat; exit 5"],
  input: (function* () {
    for (let i = 0; i < 50; i++) yield new Uint8Array(20_000);
  })(),
  outputLimit: 0,
  onOutput(bytes) {
    taken += bytes.length;
    return Promise.resolve();
  },
  timeoutMs: 0,
});
port.postMessage({ code, taken });
