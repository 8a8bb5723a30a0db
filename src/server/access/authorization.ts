/**
 * The header `Authorization`: from text to what it claims.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7617
 * @see https://www.rfc-editor.org/rfc/rfc6750
 * @module
 */

import { fromBinary, utf8ToBinary } from "../../core/bytes.ts";
import { MAX_USER_BYTES } from "./user_lines.ts";

/** What a client claims. */
export type Claim =
  /** Nothing. */
  | { readonly kind: "none" }
  /** Something that cannot be right. */
  | { readonly kind: "malformed" }
  /** A user's name and password. */
  | {
    readonly kind: "basic";
    readonly user: string;
    readonly password: string;
  }
  /** A token. */
  | { readonly kind: "bearer"; readonly token: string };

/** Longer headers are not looked at. */
const MAX_CHARACTERS = 4096;
/** Passwords may be tokens, which are longer than what bcrypt takes. */
const MAX_PASSWORD_BYTES = 1024;

const NONE: Claim = { kind: "none" };
const MALFORMED: Claim = { kind: "malformed" };

/** What the header says; `null` where there is none. */
export function parseAuthorization(header: string | null): Claim {
  if (header === null || header.trim() === "") return NONE;
  if (header.length > MAX_CHARACTERS) return MALFORMED;
  const match = /^ *([A-Za-z]+) +([^ ]+) *$/.exec(header);
  const [scheme, value] = [match?.[1]?.toLowerCase(), match?.[2] ?? ""];
  if (scheme === "basic") return parseBasic(value);
  return scheme === "bearer" && /^[\w.~+/-]+=*$/.test(value)
    ? { kind: "bearer", token: value }
    : MALFORMED;
}

function parseBasic(value: string): Claim {
  const text = decodeStrictly(value);
  if (text === undefined) return MALFORMED;
  // A name has no colon, a password may.
  const colon = text.indexOf(":");
  const user = text.slice(0, Math.max(0, colon));
  const password = text.slice(colon + 1);
  const isPlain = user !== "" &&
    // deno-lint-ignore no-control-regex
    !/[\x00-\x1f\x7f]/.test(text) &&
    utf8ToBinary(user).length <= MAX_USER_BYTES &&
    utf8ToBinary(password).length <= MAX_PASSWORD_BYTES;
  return isPlain ? { kind: "basic", user, password } : MALFORMED;
}

/** The UTF-8 text that base64 stands for, of which there is one spelling. */
function decodeStrictly(value: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return undefined;
  try {
    const binary = atob(value);
    if (btoa(binary) !== value) return undefined;
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(fromBinary(binary));
  } catch {
    return undefined;
  }
}
