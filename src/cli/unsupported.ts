/**
 * What git's own commands take and ours do not, so that the answer can say why
 * instead of guessing at a mistyped name. What is supported is `table.ts`.
 *
 * @module
 */

/**
 * The options of git daemon that are not ours, without dashes, and why.
 *
 * @see https://git-scm.com/docs/git-daemon
 */
export const GIT_DAEMON_REFUSED: Readonly<Record<string, string>> = {
  serve: "is internal to git daemon; --inetd serves one connection",
};
