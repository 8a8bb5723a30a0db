/**
 * The answer to one fetch taken apart: its lines and its pack, for comparing
 * two servers. Not for advertisements, which have tests of their own.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** An answer without its advertisement. */
export interface FetchAnswer {
  /**
   * Lines of the acknowledgement and shallow sections in their order, without
   * line feeds, and the names of special packets. Shallow lines are sorted:
   * clients take them as a set.
   */
  readonly lines: readonly string[];
  /** The pack's bytes; `undefined` without a pack. */
  readonly pack: Uint8Array | undefined;
}

const SPECIAL = ["flush", "delim", "response-end"];

/**
 * Takes apart every byte that a server sent in a session of one request. Packs
 * may come in side-band packets or bare. To a stateless client no
 * advertisement was sent.
 */
export function readFetchAnswer(
  bytes: Uint8Array,
  { stateless = false }: { readonly stateless?: boolean } = {},
): FetchAnswer {
  const answer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const lines: string[] = [];
  const pack: Buffer[] = [];
  let inAdvertisement = !stateless;
  for (let at = 0; at < answer.length;) {
    const digits = answer.toString("latin1", at, at + 4);
    if (digits === "PACK") {
      pack.push(answer.subarray(at));
      break;
    }
    const length = /^[0-9a-f]{4}$/i.test(digits) ? parseInt(digits, 16) : 3;
    const special = length < 4 ? SPECIAL[length] : undefined;
    if (length < 4 && special === undefined || at + length > answer.length) {
      throw new Error(`Cannot parse packet at ${at}: ${digits}`);
    }
    const payload = answer.subarray(at + 4, at + length);
    at += Math.max(4, length);
    if (inAdvertisement) {
      inAdvertisement = special !== "flush";
    } else if (special !== undefined) {
      lines.push(special);
    } else if (payload[0] === 1) {
      pack.push(payload.subarray(1));
    } else if (payload[0] !== 2) {
      lines.push(payload.toString("latin1").replace(/\n$/, ""));
    }
  }
  return {
    lines: sortShallow(lines),
    pack: pack.length === 0 ? undefined : Buffer.concat(pack),
  };
}

/** Clients take shallow lines as a set; only their neighbours have an order. */
function sortShallow(list: readonly string[]): string[] {
  const isShallow = (line: string): boolean => /^(un)?shallow /.test(line);
  const first = list.findIndex(isShallow);
  if (first < 0) return [...list];
  const shallow = list.filter(isShallow).sort();
  const others = list.filter((line) => !isShallow(line));
  return [...others.slice(0, first), ...shallow, ...others.slice(first)];
}
