/**
 * The bench's end of the client process: sends orders, awaits results.
 *
 * @module
 */

import type { Order, Result } from "./messages.ts";

/** A running client; one asks all servers, so that they meet the same. */
export class ClientProcess {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string>;
  #lastId = 0;

  constructor() {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", new URL("client.ts", import.meta.url).pathname],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
  }

  /**
   * Carries out one order.
   *
   * @throws {Error} with the client's or the server's words on failure
   */
  async ask(order: Omit<Order, "id">): Promise<Result> {
    const id = ++this.#lastId;
    const line = `${JSON.stringify({ id, ...order })}\n`;
    await this.#writer.write(new TextEncoder().encode(line));
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("Cannot measure: the client ended");
    const result = JSON.parse(value) as Result;
    if (result.error !== undefined) throw new Error(result.error);
    return result;
  }

  /** Ends the client. */
  async stop(): Promise<void> {
    await this.#writer.close().catch(() => undefined);
    await this.#child.status;
    await this.#lines.return(undefined);
  }
}

async function* linesOf(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const chunk of stream) {
    pending += decoder.decode(chunk, { stream: true });
    for (let end = pending.indexOf("\n"); end >= 0;) {
      yield pending.slice(0, end);
      pending = pending.slice(end + 1);
      end = pending.indexOf("\n");
    }
  }
}
