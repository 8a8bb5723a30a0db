/**
 * Who may, from files that are read again when they change. All of them are
 * one state: what is broken in one leaves everything as it was.
 *
 * @module
 */

import { printable } from "../../core/bytes.ts";
import { messageOf, UsageError } from "../../core/errors.ts";
import type { FileStat, FileSystem } from "../../core/host.ts";
import type { Logger } from "../../core/logger.ts";
import type { CheckQueue } from "./check_queue.ts";
import { parsePasswords, type Passwords } from "./htpasswd.ts";
import { MAX_RULE_FILE_BYTES, parseRuleFile } from "./rule_file.ts";
import { ListedRules, type RulesOfPushing } from "./rules.ts";
import { parseTokens, type Token } from "./tokens.ts";
import type {
  AccessKind,
  AccessPolicy,
  AccessRules,
  Credentials,
  Identity,
} from "./types.ts";
import { MAX_USER_FILE_BYTES } from "./user_lines.ts";
import { Verifier } from "./verifier.ts";

/** Where it is said who may; all paths are absolute. */
export interface AccessPaths {
  /** Passwords, as `htpasswd -B` writes them. */
  readonly htpasswd?: string;
  /** Tokens: `<user>:<SHA-256 in hex>`. */
  readonly tokens?: string;
  /** Rules, and where the others are unless they are given. */
  readonly config?: string;
}

/** What {@linkcode AccessFiles} are made from. */
export interface AccessFilesInit {
  /** The files. */
  readonly paths: AccessPaths;
  /** Where they are. */
  readonly files: Pick<FileSystem, "stat" | "read">;
  /** Checks passwords, within bounds. */
  readonly queue: Pick<CheckQueue, "check">;
  /** Milliseconds that never run backwards. */
  readonly monotonic: () => number;
  /** The log. */
  readonly logger: Logger;
}

/** Files are looked at once in so long, when they are needed. */
const LOOK_MS = 1000;
/** Clocks of file systems may stand still for so long. */
const YOUNG_MS = 50;

interface State {
  readonly verifier?: Verifier;
  readonly rules: ListedRules;
}

/** Passwords, tokens and rules, as the files have them now. */
export class AccessFiles implements AccessPolicy {
  /** As {@linkcode AccessPolicy.credentials}. */
  readonly credentials: Credentials;
  /** As {@linkcode AccessPolicy.rules}. */
  readonly rules: AccessRules;
  readonly #init: AccessFilesInit;
  #state: State;
  #lookAt: number;
  /** Every file that was looked at last, and what it was then. */
  #seen: ReadonlyMap<string, string> = new Map();

  /** Reads the files. Throws a UsageError that says what is wrong in which. */
  constructor(init: AccessFilesInit) {
    this.#init = init;
    this.#state = this.#read();
    this.#lookAt = init.monotonic() + LOOK_MS;
    const current = () => this.#current();
    this.credentials = {
      get challenges(): readonly string[] {
        return current().verifier?.challenges ?? [];
      },
      identify: async (authorization, from): Promise<Identity> =>
        await current().verifier?.identify(authorization, from) ??
          { type: "nobody" },
    };
    this.rules = {
      get hidesRepositories(): boolean {
        return current().rules.hidesRepositories;
      },
      allows: (path: string, kind: AccessKind, user: string | undefined) =>
        current().rules.allows(path, kind, user),
    };
  }

  /** What the rules say of pushes. */
  get pushing(): RulesOfPushing {
    return this.#current().rules.pushing;
  }

  /** Reads the files again now; what is broken is logged, and nothing changes. */
  reload(): void {
    const { logger, monotonic } = this.#init;
    this.#lookAt = monotonic() + LOOK_MS;
    try {
      this.#state = this.#read();
      logger.log("info", "read again who may what");
    } catch (error) {
      const why = messageOf(error).split("\n").join("; ");
      logger.log("error", `who may what stays as it was: ${why}`);
    }
  }

  #current(): State {
    const now = this.#init.monotonic();
    if (now < this.#lookAt) return this.#state;
    this.#lookAt = now + LOOK_MS;
    const hasChanged = [...this.#seen].some(([path, mark]) =>
      this.#mark(path) !== mark
    );
    if (hasChanged) this.reload();
    return this.#state;
  }

  #read(): State {
    const seen = new Map<string, string>();
    this.#seen = seen;
    const read = (path: string, limit: number): Uint8Array => {
      // First the mark: a change in between is then seen at the next look.
      seen.set(path, this.#mark(path));
      return readFile(this.#init.files, path, limit);
    };
    const { config, ...given } = this.#init.paths;
    const file = config === undefined
      ? undefined
      : parseRuleFile(read(config, MAX_RULE_FILE_BYTES), config);
    const beside = (path: string | undefined) =>
      path === undefined || config === undefined || path.startsWith("/")
        ? path
        : `${config.replace(/\/[^/]*$/, "")}/${path}`;
    const htpasswd = given.htpasswd ?? beside(file?.htpasswd);
    const tokens = given.tokens ?? beside(file?.tokens);
    const users: { passwords?: Passwords; tokens?: readonly Token[] } = {};
    if (htpasswd !== undefined) {
      users.passwords = parsePasswords(
        read(htpasswd, MAX_USER_FILE_BYTES),
        htpasswd,
      );
    }
    if (tokens !== undefined) {
      users.tokens = parseTokens(read(tokens, MAX_USER_FILE_BYTES), tokens);
    }
    const hasUsers = htpasswd !== undefined || tokens !== undefined;
    return {
      rules: new ListedRules(file?.rules ?? { read: [], write: [] }),
      ...(hasUsers
        ? { verifier: new Verifier({ ...this.#init, ...users }) }
        : {}),
    };
  }

  /** What tells one state of a file from another. */
  #mark(path: string): string {
    let stat: FileStat | undefined;
    try {
      stat = this.#init.files.stat(path);
    } catch {
      // Whatever it is, it is not what was read.
    }
    if (stat === undefined) return "none";
    const { dev, ino, size, mtimeMs, ctimeMs } = stat;
    // Another change could have the same time: looked at once more.
    const age = Math.abs(Date.now() - ctimeMs) < YOUNG_MS ? "young" : "";
    return [dev, ino, size, mtimeMs, ctimeMs, age].join(":");
  }
}

function readFile(
  files: Pick<FileSystem, "read">,
  path: string,
  limit: number,
): Uint8Array {
  let bytes;
  try {
    bytes = files.read(path, limit);
  } catch (cause) {
    throw new UsageError(
      "access-file",
      `cannot read '${printable(path, 4096)}': ${messageOf(cause)}`,
      { cause },
    );
  }
  if (bytes === undefined) {
    throw new UsageError(
      "access-file",
      `cannot read '${printable(path, 4096)}': No such file or directory`,
    );
  }
  return bytes;
}
