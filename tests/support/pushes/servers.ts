/**
 * The same push to the real `git receive-pack` and to ours, inside this
 * process over the public API, each into a copy of the same repository.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { expandNamespace, FileSystemBackend } from "../../../mod.ts";
import { writeFileSync } from "node:fs";
import { tryGit } from "../git.ts";
import { served } from "../served.ts";
import type { GeneratedPush } from "./request.ts";

/** What a server said, and how it ended. */
export interface PushAnswer {
  /** All of its bytes. */
  readonly output: Uint8Array;
  /** Why it did not end well; "" where it did. */
  readonly failure: string;
}

/** Nothing is collected behind a push; all else is as git has it. */
const GLOBAL_CONFIG = "[receive]\n\tautogc = false\n";

/** Pushes to git. */
export async function pushToGit(
  directory: string,
  push: GeneratedPush,
  namespace: string,
): Promise<PushAnswer> {
  const config = `${directory}-global`;
  writeFileSync(config, GLOBAL_CONFIG);
  const options = push.isStateless ? ["--stateless-rpc"] : [];
  const { code, stdout, stderr } = await tryGit(
    ["receive-pack", ...options, directory],
    {
      input: push.bytes,
      env: {
        GIT_CONFIG_GLOBAL: config,
        GIT_PROTOCOL: protocolOf(push),
        GIT_NAMESPACE: namespace === "" ? undefined : namespace,
      },
    },
  );
  return {
    output: Buffer.from(stdout, "latin1"),
    failure: code === 0 ? "" : stderr,
  };
}

/** Pushes to ours; `directory` is absolute. */
export async function pushToOurs(
  directory: string,
  push: GeneratedPush,
  namespace: string,
): Promise<PushAnswer> {
  const { output, failure } = await served({
    backend: new FileSystemBackend("/"),
    service: "git-receive-pack",
    path: directory,
    input: push.bytes,
    protocol: push.protocol,
    terms: {
      namespace: expandNamespace(namespace),
      stateless: push.isStateless,
    },
  });
  if (failure === undefined) return { output, failure: "" };
  const { error } = failure;
  const words = error instanceof Error ? `${error.stack}` : String(error);
  return { output, failure: words };
}

function protocolOf({ protocol }: GeneratedPush): string {
  return protocol === 0 ? "" : `version=${protocol}`;
}
