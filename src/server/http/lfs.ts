/**
 * What Git LFS is told: that this server keeps no large files, in the form in
 * which git-lfs shows it to the person at the other end.
 *
 * @see https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
 * @module
 */

import { NO_CACHE } from "./replies.ts";

const MESSAGE = "Git LFS is not supported by this server: it stores what is " +
  "in the repository itself. Commit the files without LFS, or set lfs.url " +
  "to a server for LFS";

/** The answer to every request of the LFS API. */
export function refuseLfs(): Response {
  return new Response(`${JSON.stringify({ message: MESSAGE })}\n`, {
    // Also what git-lfs takes for "there is no locking here".
    status: 501,
    headers: {
      ...NO_CACHE,
      "Content-Type": "application/vnd.git-lfs+json",
      "X-Content-Type-Options": "nosniff",
    },
  });
}
