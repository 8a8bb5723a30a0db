/**
 * The same push to the real `git receive-pack` and to ours, inside this
 * process over the public API, each into a copy of the same repository.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { FileSystemBackend, serveCommand } from "../../../mod.ts";
import { tryGit } from "../git.ts";
import type { GeneratedPush } from "./request.ts";

/** What a server said, and how it ended. */
export interface PushAnswer {
  /** All of its bytes. */
  readonly output: Uint8Array;
  /** Why it did not end well; "" where it did. */
  readonly failure: string;
}

/** Pushes to git. */
export async function pushToGit(
  directory: string,
  push: GeneratedPush,
): Promise<PushAnswer> {
  const { code, stdout, stderr } = await tryGit(["receive-pack", directory], {
    input: push.bytes,
    env: { GIT_PROTOCOL: protocolOf(push) },
  });
  return {
    output: Buffer.from(stdout, "latin1"),
    failure: code === 0 ? "" : stderr,
  };
}

/** Pushes to ours; `directory` is absolute. */
export async function pushToOurs(
  directory: string,
  push: GeneratedPush,
): Promise<PushAnswer> {
  const said: Uint8Array[] = [];
  const output = new WritableStream<Uint8Array>({
    write: (chunk) => {
      said.push(chunk.slice());
    },
  });
  let failure = "";
  try {
    await serveCommand({
      backend: new FileSystemBackend("/"),
      service: "git-receive-pack",
      path: directory,
      input: new Blob([new Uint8Array(push.bytes)]).stream(),
      output,
      protocol: protocolOf(push),
    });
  } catch (error) {
    failure = error instanceof Error ? `${error.stack}` : String(error);
  }
  return { output: Buffer.concat(said), failure };
}

function protocolOf({ protocol }: GeneratedPush): string {
  return protocol === 0 ? "" : `version=${protocol}`;
}
