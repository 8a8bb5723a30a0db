/**
 * One raw session with either server over either transport: git:// to a
 * daemon, or a command's standard input and output. What comes back is bytes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type GitResult, runProgram } from "./git.ts";
import {
  serverEnvironment,
  type ServerKind,
  uploadPackCommand,
} from "./server.ts";
import { packets, toBuffer, type Wire } from "./wire_client.ts";

/** What one session of `upload-pack` is asked. */
export interface Session {
  /** Absolute path of the repository. */
  readonly path: string;
  /** The protocol version that the client asks for. */
  readonly protocol: 0 | 1 | 2;
  /** Everything the client sends. A lone flush unless told: no wants. */
  readonly input?: Wire;
  /** Options before the directory, such as `--stateless-rpc`. */
  readonly options?: readonly string[];
  /** Added to the isolated environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Runs one session as a command, of ours or of git. */
export function runSession(
  session: Session,
  kind?: ServerKind,
): Promise<GitResult> {
  const { program, args } = uploadPackCommand(kind);
  return runProgram(
    program,
    [...args, ...(session.options ?? []), session.path],
    {
      input: session.input ?? "0000",
      env: serverEnvironment({
        GIT_PROTOCOL: session.protocol === 0
          ? undefined
          : `version=${session.protocol}`,
        ...session.env,
      }),
    },
  );
}

/** A v2 command with its arguments, ended by a flush. */
export function v2Command(
  name: string,
  format: string,
  args: readonly string[],
): Uint8Array {
  return packets(
    `command=${name}\n`,
    "agent=test/1\n",
    `object-format=${format}\n`,
    "0001",
    ...args.map((arg) => `${arg}\n`),
    "0000",
  );
}

/**
 * An advertisement without what must differ between servers: the values of
 * `agent` and `session-id`. Packet lengths are taken out with them, so that
 * every other byte still counts.
 */
export function withoutIdentity(advertisement: Wire): string {
  const text = toBuffer(advertisement).toString("latin1");
  const bytes = Buffer.from(text, "latin1");
  let out = "";
  for (let at = 0; at < bytes.length;) {
    const digits = bytes.subarray(at, at + 4).toString("latin1");
    const length = parseInt(digits, 16);
    if (!(length >= 4) || at + length > bytes.length) {
      out += digits;
      at += 4;
      continue;
    }
    const payload = bytes.subarray(at + 4, at + length).toString("latin1");
    const same = payload.replace(/\b(agent|session-id)=[^ \n]*/g, "$1=*");
    out += `[${same === payload ? digits : "*"}]${same}`;
    at += length;
  }
  return out;
}
