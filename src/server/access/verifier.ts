/**
 * Checks what clients claim to be, against passwords and tokens. What it takes
 * to do so tells nobody which names there are.
 *
 * @module
 */

import { fromUtf8, toHex } from "../../core/bytes.ts";
import { messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { type Claim, parseAuthorization } from "./authorization.ts";
import type { CheckQueue } from "./check_queue.ts";
import type { Passwords } from "./htpasswd.ts";
import { ownerOf, type Token } from "./tokens.ts";
import type { Credentials, Identity } from "./types.ts";

/** What a {@linkcode Verifier} is made from. */
export interface VerifierInit {
  /** Who has a password; nobody unless told. */
  readonly passwords?: Passwords;
  /** Who has a token; nobody unless told. */
  readonly tokens?: readonly Token[];
  /** Checks passwords, within bounds. */
  readonly queue: Pick<CheckQueue, "check">;
  /** Milliseconds that never run backwards. */
  readonly monotonic: () => number;
  /** The log. */
  readonly logger: Logger;
}

/** How long what was right is taken for right without another look. */
const REMEMBER_MS = 60_000;
/** How many are remembered. */
const MAX_REMEMBERED = 1024;

const NOT_EXTRACTABLE = false;

const BASIC = 'Basic realm="gitsrv", charset="UTF-8"';
const BEARER = 'Bearer realm="gitsrv"';
const WRONG: Identity = { type: "wrong" };

/** Knows the users of one state of the files, for as long as that holds. */
export class Verifier implements Credentials {
  /** As {@linkcode Credentials.challenges}: Basic first, which git knows. */
  readonly challenges: readonly string[];
  readonly #init: VerifierInit;
  /** Of this object alone: what is remembered is of no use elsewhere. */
  #key: Promise<CryptoKey> | undefined;
  /** Whom what was right names, the oldest first, by HMAC. */
  readonly #remembered = new Map<
    string,
    { readonly name: string; readonly until: number }
  >();
  /** What is being checked, by HMAC: the same is checked once. */
  readonly #underWay = new Map<string, Promise<Identity>>();

  /** Checks nothing yet. */
  constructor(init: VerifierInit) {
    this.#init = init;
    this.challenges = init.tokens === undefined ? [BASIC] : [BASIC, BEARER];
  }

  /** As {@linkcode Credentials.identify}. */
  async identify(
    authorization: string | null,
    from = "",
  ): Promise<Identity> {
    const claim = parseAuthorization(authorization);
    try {
      switch (claim.kind) {
        case "none":
          return { type: "nobody" };
        case "malformed":
          return WRONG;
        case "bearer":
          return identityOf(await this.#ownerOf(claim.token));
        case "basic":
          return await this.#basic(claim, from);
      }
    } catch (error) {
      this.#init.logger.log(
        "error",
        `cannot check credentials: ${messageOf(error)}`,
      );
      return { type: "busy" };
    }
  }

  async #ownerOf(token: string): Promise<string | undefined> {
    const { tokens = [] } = this.#init;
    return tokens.length === 0 ? undefined : await ownerOf(tokens, token);
  }

  async #basic(claim: Basic, from: string): Promise<Identity> {
    const key = await this.#hmac(claim);
    const known = this.#remembered.get(key);
    if (known !== undefined && this.#init.monotonic() < known.until) {
      return { type: "user", name: known.name };
    }
    const others = this.#underWay.get(key);
    if (others !== undefined) return await others;
    const check = this.#check(claim, from);
    this.#underWay.set(key, check);
    try {
      const identity = await check;
      if (identity.type === "user") this.#remember(key, identity.name);
      return identity;
    } finally {
      this.#underWay.delete(key);
    }
  }

  async #check(
    { user, password }: Basic,
    from: string,
  ): Promise<Identity> {
    if (await this.#ownerOf(password) === user) {
      return { type: "user", name: user };
    }
    const { passwords, queue } = this.#init;
    if (passwords === undefined) return WRONG;
    const hash = passwords.hashes.get(user);
    const { nobodys } = passwords;
    const verdict = await queue.check(password, hash ?? nobodys, from);
    if (verdict === "busy") return { type: "busy" };
    return hash !== undefined && verdict ? { type: "user", name: user } : WRONG;
  }

  #remember(key: string, name: string): void {
    const until = this.#init.monotonic() + REMEMBER_MS;
    this.#remembered.delete(key);
    this.#remembered.set(key, { name, until });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) {
      this.#remembered.delete(oldest);
    }
  }

  /** What stands for a claim in memory; a name has no NUL. */
  async #hmac({ user, password }: Basic): Promise<string> {
    this.#key ??= crypto.subtle.generateKey(
      { name: "HMAC", hash: "SHA-256" },
      NOT_EXTRACTABLE,
      ["sign"],
    );
    const mac = await crypto.subtle.sign(
      "HMAC",
      await this.#key,
      fromUtf8(`${user}\0${password}`),
    );
    return toHex(new Uint8Array(mac));
  }
}

type Basic = Extract<Claim, { kind: "basic" }>;

function identityOf(user: string | undefined): Identity {
  return user === undefined ? WRONG : { type: "user", name: user };
}
