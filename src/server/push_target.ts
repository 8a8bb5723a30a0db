/**
 * The repository that a request is about, which a push may have to make first:
 * `--create-on-push`.
 *
 * @module
 */

import { RefusedError } from "../core/errors.ts";
import type { AskedHost, Repository } from "../storage/types.ts";
import type { ServiceRow } from "./services.ts";
import type { SessionContext } from "./session_context.ts";

/** A repository that was opened. */
export interface Target {
  /** The repository. */
  readonly repository: Repository;
  /** To be called when the session is over. Never throws. */
  done(): void;
}

/**
 * Opens the repository at `path`. Where there is none, and `row` is pushing,
 * which may make some, makes one. Rejects as `Backend.openRepository`.
 */
export async function openTarget(
  row: ServiceRow,
  { backend, createOnPush }: Pick<SessionContext, "backend" | "createOnPush">,
  path: string,
  host?: AskedHost,
): Promise<Target> {
  try {
    const repository = await backend.openRepository(path, host);
    return { repository, done() {} };
  } catch (error) {
    const isAbsent = error instanceof RefusedError &&
      error.code === "no-such-repository";
    const mayMake = createOnPush === true && row.name === "receive-pack" &&
      row.isEnabled;
    if (!isAbsent || !mayMake || backend.createRepository === undefined) {
      throw error;
    }
    const made = await backend.createRepository(path);
    return { repository: made.repository, done: () => made.removeUnused() };
  }
}
