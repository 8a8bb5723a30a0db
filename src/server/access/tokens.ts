/**
 * Tokens: of each a user's name and the SHA-256 is kept, which says nothing of
 * a token that was chosen at random.
 *
 * @module
 */

import { fromHex, fromUtf8 } from "../../core/bytes.ts";
import { badLine, parseUserLines } from "./user_lines.ts";

/** One token. */
export interface Token {
  /** Whose it is. */
  readonly user: string;
  /** Its SHA-256. */
  readonly digest: Uint8Array;
}

const REMEDY = "to make a token: openssl rand -hex 32; " +
  "of it, keep: <user>:$(printf %s <token> | sha256sum | cut -c-64)";

/**
 * The tokens of a file of lines `<user>:<SHA-256 in hex>`; a user may have
 * several. Throws a UsageError that names file and line.
 */
export function parseTokens(bytes: Uint8Array, file: string): readonly Token[] {
  const seen = new Set<string>();
  return parseUserLines(bytes, file, REMEDY).map(({ number, user, secret }) => {
    const text = secret.trimEnd().toLowerCase();
    const digest = text.length === 64 ? fromHex(text) : undefined;
    if (digest === undefined) {
      throw badLine(file, number, "not a SHA-256 in hex", REMEDY);
    }
    if (seen.has(text)) {
      throw badLine(file, number, "a token that is there twice", REMEDY);
    }
    seen.add(text);
    return { user, digest };
  });
}

/**
 * Whose token `text` is. Looks at every token, and at every byte of each,
 * whatever it finds.
 */
export async function ownerOf(
  tokens: readonly Token[],
  text: string,
): Promise<string | undefined> {
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", fromUtf8(text)),
  );
  let owner: string | undefined;
  for (const token of tokens) {
    if (differenceOf(token.digest, digest) === 0) owner = token.user;
  }
  return owner;
}

/** 0 where both are equal; takes as long where they are not. */
export function differenceOf(a: Uint8Array, b: Uint8Array): number {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) {
    difference |= (a[i] as number) ^ (b[i] ?? 0);
  }
  return difference;
}
