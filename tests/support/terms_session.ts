/**
 * One session of upload-pack or receive-pack on the terms of a transport: ours inside this
 * process, and git's own program with the options and the environment
 * that mean the same.
 *
 * @module
 */

import { expandNamespace, FileSystemBackend, type Logger } from "../../mod.ts";
import { GIT, gitEnvironment, runProgram } from "./git.ts";
import { served } from "./served.ts";
import { toBuffer, type Wire } from "./wire_client.ts";

/** What one session is asked, and how. */
export interface TermsSession {
  /** Absolute path of the repository. */
  readonly path: string;
  /** Which service; upload-pack unless told. */
  readonly service?: "git-upload-pack" | "git-receive-pack";
  /** The protocol version that the client asks for. */
  readonly protocol: 0 | 1 | 2;
  /** Everything the client sends. */
  readonly input: Wire;
  /** The value of `GIT_NAMESPACE`; none unless told. */
  readonly namespace?: string;
  /** Whether it is one of `--stateless-rpc`. */
  readonly stateless?: boolean;
  /** Whether it ends after the advertisement. */
  readonly advertiseOnly?: boolean;
}

/** What a server said. */
export interface Said {
  /** Every byte, as a binary string. */
  readonly text: string;
  /** What it said of its failure where only we hear that; else "". */
  readonly failure: string;
}

/** Asks ours. */
export async function askOurs(
  session: TermsSession,
  logger?: Logger,
): Promise<Said> {
  const { output, failure } = await served({
    backend: new FileSystemBackend("/"),
    service: session.service ?? "git-upload-pack",
    path: session.path,
    input: toBuffer(session.input),
    protocol: session.protocol,
    terms: {
      namespace: expandNamespace(session.namespace ?? ""),
      stateless: session.stateless ?? false,
      advertiseOnly: session.advertiseOnly ?? false,
    },
    ...(logger === undefined ? {} : { logger }),
  });
  const text = output.toString("latin1");
  if (failure === undefined) return { text, failure: "" };
  const { error } = failure;
  return { text, failure: error instanceof Error ? error.message : `${error}` };
}

/** Asks git; `config` are further settings. */
export async function askGit(
  session: TermsSession,
  config: readonly string[] = [],
): Promise<Said> {
  const { stdout, stderr, code } = await runProgram(GIT, [
    ...config.flatMap((each) => ["-c", each]),
    (session.service ?? "git-upload-pack").slice("git-".length),
    ...(session.stateless === true ? ["--stateless-rpc"] : []),
    ...(session.advertiseOnly === true ? ["--http-backend-info-refs"] : []),
    session.path,
  ], {
    input: session.input,
    env: gitEnvironment({
      GIT_PROTOCOL: session.protocol === 0
        ? undefined
        : `version=${session.protocol}`,
      GIT_NAMESPACE: session.namespace,
    }),
  });
  return {
    text: stdout,
    failure: code === 0 ? "" : stderr === "" ? "crashed" : stderr,
  };
}
