/**
 * Who may, from files: passwords, tokens and rules.
 *
 * @module
 */

import { type Logger, SILENT } from "../core/logger.ts";
import { host } from "../runtime/detect.ts";
import { NODE_FILES } from "../runtime/files.ts";
import { currentDirectory } from "../runtime/process.ts";
import { AccessFiles } from "../server/access/access_files.ts";
import { CheckQueue } from "../server/access/check_queue.ts";
import type { RulesOfPushing } from "../server/access/rules.ts";
import type {
  AccessPolicy,
  AccessRules,
  Credentials,
} from "../server/access/types.ts";
import { PasswordThread } from "./password_thread.ts";

/** Where it is said who may. Relative paths are taken from where we run. */
export interface FileAccessOptions {
  /** Users and their passwords, as `htpasswd -B` writes them. */
  readonly htpasswd?: string;
  /** Tokens: `<user>:<SHA-256 of the token in hex>` to each line. */
  readonly tokens?: string;
  /**
   * Rules in git's syntax; `gitsrv.htpasswd` and `gitsrv.tokens` there count
   * where the two above are not given.
   */
  readonly config?: string;
  /** Where it is told that a file has changed, or cannot be used. */
  readonly logger?: Logger;
}

/**
 * Who may, by files that are read again when they change: within a second, or
 * at once by `reload`. One that is broken then is logged and changes nothing.
 *
 * @example Ask what a file of rules says
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtempSync, writeFileSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { FileAccess } from "@gitsrv/gitsrv";
 *
 * const config = `${mkdtempSync(`${tmpdir()}/who-`)}/gitsrv.conf`;
 * writeFileSync(config, '[gitsrv "team/**"]\n\tread = alice\n');
 * const access = new FileAccess({ config });
 * // To be given to serveHttp, serveTcp or createHandler as `access`.
 * assert.equal(access.rules.allows("/team/a.git", "read", "alice"), true);
 * assert.equal(access.rules.allows("/team/a.git", "read", undefined), false);
 * ```
 */
export class FileAccess implements AccessPolicy {
  readonly #files: AccessFiles;

  /** Reads the files. Throws a UsageError that says what is wrong in which. */
  constructor({ logger = SILENT, ...paths }: FileAccessOptions) {
    const absolute = Object.entries(paths).map(([name, path]) => [
      name,
      path.startsWith("/") ? path : `${currentDirectory()}/${path}`,
    ]);
    const thread = new PasswordThread();
    this.#files = new AccessFiles({
      paths: Object.fromEntries(absolute),
      files: NODE_FILES,
      queue: new CheckQueue((password, hash) => thread.check(password, hash)),
      monotonic: () => host().clock.monotonic(),
      logger,
    });
  }

  /** Checks passwords and tokens. */
  get credentials(): Credentials {
    return this.#files.credentials;
  }

  /** What the rules say. */
  get rules(): AccessRules {
    return this.#files.rules;
  }

  /** Whether anybody can name themselves at all. */
  get asksForCredentials(): boolean {
    return this.credentials.challenges.length > 0;
  }

  /** What the rules say of pushes, to be told to who starts a server. */
  get pushing(): RulesOfPushing {
    return this.#files.pushing;
  }

  /** Reads the files again now. */
  reload(): void {
    this.#files.reload();
  }
}
