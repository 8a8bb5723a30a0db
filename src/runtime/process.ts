/**
 * The process around us: arguments, environment, signals, standard error, the
 * end.
 *
 * @module
 */

import {
  fstatSync,
  readFileSync,
  statSync,
  write as fsWrite,
  writeFileSync,
} from "node:fs";
import nodeProcess from "node:process";
import type { ProcessIo } from "../core/process.ts";

const STDOUT = 1;
const STDERR = 2;
/** Text for standard error that may wait; more is dropped. */
const QUEUE_CHARACTERS = 1024 * 1024;
const FLUSH_MS = 1000;

/** The arguments after the program's name. */
export function programArguments(): readonly string[] {
  return nodeProcess.argv.slice(2);
}

/** The user id of this process, -1 where the system has none. */
export function userId(): number {
  return nodeProcess.geteuid?.() ?? -1;
}

/** The id of this process. */
export function processId(): number {
  return nodeProcess.pid;
}

/** Ends the process at once, whatever still waits. */
export function exit(code: number): never {
  nodeProcess.exit(code);
}

/** A variable of the environment. */
export function environment(name: string): string | undefined {
  return nodeProcess.env[name];
}

/** The directory that relative paths start from. */
export function currentDirectory(): string {
  return nodeProcess.cwd();
}

/** The process that runs this. */
export function currentProcess(): ProcessIo {
  const errors = new ErrorWriter();
  return {
    pid: processId(),
    cwd: currentDirectory,
    env: environment,
    writeOut: (text) => writeAll(STDOUT, text),
    writeError: (text) => errors.write(text),
    flushError: () => errors.flush(),
    writeFile: (path, text) => writeFileSync(path, text),
    readFile: (path) => readFileSync(path, "utf8"),
    kindOf(path) {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat === undefined
        ? undefined
        : stat.isDirectory()
        ? "directory"
        : "other";
    },
    onSignal(signals, listener) {
      const listeners = signals.map((signal) => {
        const call = () => listener(signal);
        nodeProcess.on(signal, call);
        return () => void nodeProcess.removeListener(signal, call);
      });
      return () => listeners.forEach((remove) => remove());
    },
    onHangup(listener) {
      nodeProcess.on("SIGHUP", listener);
      return () => void nodeProcess.removeListener("SIGHUP", listener);
    },
    onStrayError(listener) {
      nodeProcess.on("unhandledRejection", listener);
      nodeProcess.on("uncaughtException", listener);
    },
    killSelf: (signal) => void nodeProcess.kill(nodeProcess.pid, signal),
  };
}

/** Standard error, written in order, that nothing waits for. */
class ErrorWriter {
  #queue = "";
  #writing: Promise<void> | undefined;
  #isBroken = !isOpen(STDERR);

  write(text: string): void {
    if (this.#isBroken || this.#queue.length > QUEUE_CHARACTERS) return;
    this.#queue += text;
    this.#writing ??= this.#pump();
  }

  async flush(): Promise<void> {
    if (this.#writing === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([
      this.#writing,
      new Promise<void>((resolve) => timer = setTimeout(resolve, FLUSH_MS)),
    ]);
    clearTimeout(timer);
  }

  async #pump(): Promise<void> {
    // Lines that are logged in one go leave in one write.
    await Promise.resolve();
    while (this.#queue !== "") {
      const text = this.#queue;
      this.#queue = "";
      try {
        await writeAll(STDERR, text);
      } catch {
        // EPIPE, EBADF, ENOSPC: nobody hears us, and serving goes on.
      }
    }
    this.#writing = undefined;
  }
}

async function writeAll(descriptor: number, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    const result = await new Promise<number | NodeJS.ErrnoException>(
      (resolve) =>
        fsWrite(
          descriptor,
          bytes,
          at,
          bytes.length - at,
          null,
          (error, count) => resolve(error ?? count),
        ),
    );
    if (typeof result === "number") at += result;
    else if (result.code === "EAGAIN" || result.code === "EINTR") {
      await new Promise((resolve) => setTimeout(resolve, 2));
    } else throw result;
  }
}

function isOpen(descriptor: number): boolean {
  try {
    fstatSync(descriptor);
    return true;
  } catch {
    return false;
  }
}
