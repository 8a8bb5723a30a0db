/**
 * A process for tests of commands: what it was told to write is kept, and
 * signals come when the test says so.
 *
 * @module
 */

import type { EndSignal, ProcessIo } from "../../../src/core/process.ts";

/** A process that only pretends. */
export class FakeProcess implements ProcessIo {
  readonly pid = 4242;
  out = "";
  error = "";
  readonly files = new Map<string, string>();
  readonly killedBy: EndSignal[] = [];
  #listeners = new Set<(signal: EndSignal) => void>();
  #hangups = new Set<() => void>();
  #directories: ReadonlySet<string>;

  /** Knows these directories; all others are missing. */
  constructor(directories: readonly string[] = []) {
    this.#directories = new Set(directories);
  }

  /** Sends a signal. */
  signal(signal: EndSignal): void {
    for (const listener of [...this.#listeners]) listener(signal);
  }

  /** Sends SIGHUP; returns whether anybody has heard it. */
  hangUp(): boolean {
    for (const listener of this.#hangups) listener();
    return this.#hangups.size > 0;
  }

  /** Resolves when standard error has `text`. */
  async says(text: string | RegExp): Promise<void> {
    for (let i = 0; this.error.search(text) < 0; i++) {
      if (i > 5000) throw new Error(`"${text}" is not in: ${this.error}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  cwd(): string {
    return "/here";
  }
  env(): string | undefined {
    return undefined;
  }
  writeOut(text: string): Promise<void> {
    this.out += text;
    return Promise.resolve();
  }
  writeError(text: string): void {
    this.error += text;
  }
  flushError(): Promise<void> {
    return Promise.resolve();
  }
  writeFile(path: string, text: string): void {
    if (path.startsWith("/none/")) throw new Error("ENOENT");
    this.files.set(path, text);
  }
  readFile(path: string): string {
    const text = this.files.get(path);
    if (text === undefined) throw new Error("ENOENT: no such file");
    return text;
  }
  kindOf(path: string): "directory" | "other" | undefined {
    if (this.#directories.has(path)) return "directory";
    return this.files.has(path) ? "other" : undefined;
  }
  onSignal(
    _signals: readonly EndSignal[],
    listener: (signal: EndSignal) => void,
  ): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  onHangup(listener: () => void): () => void {
    this.#hangups.add(listener);
    return () => void this.#hangups.delete(listener);
  }
  onStrayError(): void {}
  killSelf(signal: EndSignal): void {
    this.killedBy.push(signal);
  }
}
