/**
 * What a client of upload-archive sends: one packet for each argument of
 * `git archive`.
 *
 * @see https://git-scm.com/docs/git-upload-archive
 * @module
 */

import { toBinary } from "../../core/bytes.ts";
import { ProtocolError } from "../../core/errors.ts";
import type { Conversation } from "../conversation.ts";

/** builtin/upload-archive.c: MAX_ARGS. */
const MAX_ARGUMENTS = 64;
const WORD = "argument ";
const LF = 0x0a;

/**
 * Reads the arguments, each a binary string. Throws a ProtocolError in git's
 * words, and takes no more packets than git does.
 */
export async function readArguments(
  conversation: Conversation,
): Promise<string[]> {
  const args: string[] = [];
  for (;;) {
    const packet = await conversation.packet();
    // pkt-line.c: packet_read_line. An empty line is as good as a flush.
    if (packet.type !== "data") return args;
    const line = lineOf(packet.payload);
    if (line === undefined) return args;
    if (args.length === MAX_ARGUMENTS) {
      throw new ProtocolError(
        "too-many-arguments",
        `Too many options (>${MAX_ARGUMENTS - 1})`,
      );
    }
    if (!line.startsWith(WORD)) {
      throw new ProtocolError(
        "bad-argument",
        "'argument' token or flush expected",
      );
    }
    args.push(line.slice(WORD.length));
  }
}

/** The line as C sees it; `undefined` where there is none. */
function lineOf(payload: Uint8Array): string | undefined {
  const length = payload.at(-1) === LF ? payload.length - 1 : payload.length;
  if (length === 0) return undefined;
  const zero = payload.subarray(0, length).indexOf(0);
  return toBinary(payload, 0, zero < 0 ? length : zero);
}
