/**
 * The process around a command, as types alone: what commands are given as a
 * value, so that tests can bring their own.
 *
 * @module
 */

/** Signals that ask for an end. */
export type EndSignal = "SIGTERM" | "SIGINT";

/** What a command may ask of the process. */
export interface ProcessIo {
  /** The process id. */
  readonly pid: number;
  /** The directory that relative paths start from, absolute. */
  cwd(): string;
  /** A variable of the environment. */
  env(name: string): string | undefined;
  /** Writes text to standard output; resolves when it is out. */
  writeOut(text: string): Promise<void>;
  /**
   * Queues text for standard error. Never throws and never waits: what a
   * reader who stopped reading leaves no room for is dropped.
   */
  writeError(text: string): void;
  /** Resolves when standard error is written, or after a second. */
  flushError(): Promise<void>;
  /** Writes a small file, replacing it. Throws the system's error. */
  writeFile(path: string, text: string): void;
  /** The text of a small file. Throws the system's error. */
  readFile(path: string): string;
  /** What `path` is, following symlinks; `undefined` where nothing is. */
  kindOf(path: string): "directory" | "other" | undefined;
  /**
   * Calls `listener` at each of the signals instead of ending; returns how to
   * stop that.
   */
  onSignal(
    signals: readonly EndSignal[],
    listener: (signal: EndSignal) => void,
  ): () => void;
  /** Calls `listener` at each SIGHUP instead of ending; returns how to stop. */
  onHangup(listener: () => void): () => void;
  /** Calls `listener` for errors nobody caught, and goes on. */
  onStrayError(listener: (error: unknown) => void): void;
  /** Ends the process by a signal whose handlers were taken off. */
  killSelf(signal: EndSignal): void;
}

/** How to run a program to its end. */
export interface ProgramRun {
  /** Its arguments; no shell sees them. */
  readonly args: readonly string[];
  /** Added to our own environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where it runs; where we do unless told. */
  readonly cwd?: string;
  /**
   * What it reads, taken piece by piece as it reads; nothing unless told. What
   * it leaves is dropped.
   */
  readonly input?: Iterable<Uint8Array>;
  /** So many bytes of its output are kept; the rest is read and dropped. */
  readonly outputLimit: number;
  /**
   * Takes its output as it comes, in place of keeping it. The program waits
   * for it; what it throws kills the program and is thrown.
   */
  readonly onOutput?: (bytes: Uint8Array) => Promise<void>;
  /**
   * Then it is killed, and what it has started with it, milliseconds; 0 is no
   * limit.
   */
  readonly timeoutMs: number;
  /** Kills it when it aborts. */
  readonly signal?: AbortSignal;
}

/** How a program ended. */
export interface ProgramEnd {
  /** Its exit code; `undefined` where it was killed. */
  readonly code: number | undefined;
  /** The number of the signal that killed it; 0 where none did. */
  readonly killedBy: number;
  /** What it wrote to standard output, up to the limit. */
  readonly output: Uint8Array;
  /** Whether it was killed for taking too long. */
  readonly isTimedOut: boolean;
}

/**
 * Runs a program, with nothing to read its errors, until its own process has
 * ended: what it has started and left behind goes on, and may have kept the
 * output open, which is then read for a moment more. Rejects with the system's
 * error ("ENOENT", "EACCES") where it cannot be started.
 */
export type RunProgram = (
  program: string,
  run: ProgramRun,
) => Promise<ProgramEnd>;
