/**
 * The same bytes to both servers: ours inside this process, over the public
 * API and files on disk, and the real `git upload-pack`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { FileSystemBackend } from "../../../mod.ts";
import { type FetchAnswer, readFetchAnswer } from "../fetch_answer.ts";
import { tryGit } from "../git.ts";
import { served } from "../served.ts";
import { namespacePrefix } from "./exposure.ts";
import type { Fetch } from "./request.ts";

/** An answer, or what a server said when it refused. */
export type Outcome =
  | { readonly answer: FetchAnswer; readonly failure?: undefined }
  | { readonly answer?: undefined; readonly failure: string };

/** Asks ours for the repository that `backend` knows as `path`. */
export async function askOurs(
  backend: FileSystemBackend,
  path: string,
  { input, protocol, namespace, stateless }: Fetch,
): Promise<Outcome> {
  const { output, failure } = await served({
    backend,
    service: "git-upload-pack",
    path,
    input,
    protocol,
    terms: { namespace: namespacePrefix(namespace), stateless },
  });
  if (failure !== undefined) {
    const { error } = failure;
    const told = output.toString("latin1").slice(-400);
    return {
      failure: `${error instanceof Error ? error.stack : error}\n${told}`,
    };
  }
  return { answer: readFetchAnswer(output, { stateless }) };
}

/**
 * Asks git; `config` are further settings. Where the client's history ends
 * somewhere it is asked without its commit-graph: it takes parents from there
 * that the client does not have or will not get, and finds itself ready too
 * soon (shallow.c: register_shallow, which comes after the graph was opened).
 */
export async function askGit(
  repository: string,
  { input, protocol, sparse, shallow, depth, namespace, stateless }: Fetch,
  config: readonly string[] = [],
): Promise<Outcome> {
  const settings = [
    `pack.useSparse=${sparse}`,
    ...(shallow.length + depth.length > 0 ? ["core.commitGraph=false"] : []),
    ...config,
  ];
  const { code, stdout, stderr } = await tryGit([
    ...settings.flatMap((each) => ["-c", each]),
    "upload-pack",
    ...(stateless ? ["--stateless-rpc"] : []),
    repository,
  ], {
    input,
    env: {
      GIT_PROTOCOL: protocol === 0 ? undefined : `version=${protocol}`,
      ...(namespace === "" ? {} : { GIT_NAMESPACE: namespace }),
    },
  });
  if (code !== 0) return { failure: stderr.split("fatal: ")[1] ?? stderr };
  const answer = Buffer.from(stdout, "latin1");
  return { answer: readFetchAnswer(answer, { stateless }) };
}
