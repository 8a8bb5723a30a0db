/**
 * Files of Apache's `htpasswd`: a user and a bcrypt hash to each line. Other
 * schemes are refused: they can be guessed too fast, or hold the password.
 *
 * @see https://httpd.apache.org/docs/2.4/programs/htpasswd.html
 * @module
 */

import { printable } from "../../core/bytes.ts";
import { badLine, parseUserLines } from "./user_lines.ts";

/** Who has a password, and how long checking one takes. */
export interface Passwords {
  /** The bcrypt hash of each user. */
  readonly hashes: ReadonlyMap<string, string>;
  /**
   * A hash of no password, whose check takes as long as those of most users:
   * for names that nobody has.
   */
  readonly nobodys: string;
}

/** What `htpasswd -C` takes at most: a minute for each check. */
const MAX_COST = 17;
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** What `htpasswd -B` uses unless told. */
const USUAL_COST = 5;

const SCHEMES: readonly (readonly [RegExp, string])[] = [
  [/^\$apr1\$/, "Apache's MD5 (apr1)"],
  [/^\{SHA\}/i, "SHA-1"],
  [/^\$1\$/, "MD5 (crypt)"],
  [/^\$[56]\$/, "SHA-2 (crypt)"],
  [/^\$2/, "a malformed bcrypt hash"],
  [/^[./A-Za-z0-9]{13}$/, "DES (crypt)"],
];

/**
 * The users of the file. Throws a UsageError that names file, line and the
 * command that makes a good one.
 */
export function parsePasswords(bytes: Uint8Array, file: string): Passwords {
  const remedy = (user: string) =>
    `to set a password: htpasswd -B ${shellWord(file)} ${shellWord(user)}`;
  const hashes = new Map<string, string>();
  const costs = new Map<string, number>();
  const lines = parseUserLines(bytes, file, remedy("<user>"));
  for (const { number, user, secret } of lines) {
    const cost = BCRYPT.exec(secret.trimEnd())?.[1];
    if (cost === undefined) {
      const fault = `the password of '${printable(user)}' is kept as ${
        schemeOf(secret)
      }, not as bcrypt`;
      throw badLine(file, number, fault, remedy(user));
    }
    if (Number(cost) < 4 || Number(cost) > MAX_COST) {
      const fault = `a bcrypt cost of ${cost} is none of 04 to ${MAX_COST}`;
      throw badLine(file, number, fault, remedy(user));
    }
    if (hashes.has(user)) {
      const fault = `'${printable(user)}' is there twice`;
      throw badLine(file, number, fault, "remove one of the lines");
    }
    hashes.set(user, secret.trimEnd());
    costs.set(cost, (costs.get(cost) ?? 0) + 1);
  }
  return { hashes, nobodys: hashOfNobody(mostOf(costs)) };
}

/** The cost that most have; of equals the higher. */
function mostOf(costs: ReadonlyMap<string, number>): string {
  const [most] = [...costs].sort(([a, m], [b, n]) =>
    n - m || Number(b) - Number(a)
  );
  return most?.[0] ?? String(USUAL_COST).padStart(2, "0");
}

/** Well formed; what it is the hash of, nobody knows. */
function hashOfNobody(cost: string): string {
  return `$2b$${cost}$gitsrvgitsrvgitsrvgit.gitsrvgitsrvgitsrvgitsrvgitsrvg`;
}

function schemeOf(secret: string): string {
  return SCHEMES.find(([pattern]) => pattern.test(secret))?.[1] ??
    "plain text or an unknown scheme";
}

/** `word` as a shell takes it for one word. */
function shellWord(word: string): string {
  return /^[\w./:@%+=,<>-]+$/.test(word)
    ? word
    : `'${printable(word, 4096).replaceAll("'", "'\\''")}'`;
}
