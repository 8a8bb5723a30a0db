/**
 * One session of a service on files of this machine, inside this process and
 * over the public API alone: bytes in, bytes out.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { serveCommand, type ServeCommandOptions } from "../../mod.ts";

/** The options of `serveCommand`, with all of the input at once. */
export interface ServedSession
  extends Omit<ServeCommandOptions, "input" | "output" | "protocol"> {
  /** Everything the client sends. */
  readonly input: Uint8Array;
  /** The protocol version that it asks for. */
  readonly protocol: 0 | 1 | 2;
}

/** What came of it. */
export interface Served {
  /** Every byte that was said, also where it did not end well. */
  readonly output: Buffer;
  /** What it threw, wrapped, because anything can be thrown. */
  readonly failure?: { readonly error: unknown };
}

/** Runs one session to its end. */
export async function served(
  { input, protocol, ...options }: ServedSession,
): Promise<Served> {
  const said: Uint8Array[] = [];
  const output = new WritableStream<Uint8Array>({
    // The service may use its buffers again.
    write: (chunk) => void said.push(chunk.slice()),
  });
  try {
    await serveCommand({
      ...options,
      input: new Blob([new Uint8Array(input)]).stream(),
      output,
      protocol: protocol === 0 ? "" : `version=${protocol}`,
    });
    return { output: Buffer.concat(said) };
  } catch (error) {
    return { output: Buffer.concat(said), failure: { error } };
  }
}
