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
  /** Calls `listener` for errors nobody caught, and goes on. */
  onStrayError(listener: (error: unknown) => void): void;
  /** Ends the process by a signal whose handlers were taken off. */
  killSelf(signal: EndSignal): void;
}
