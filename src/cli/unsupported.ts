/**
 * What git's own commands take and ours do not yet, so that the answer can say
 * that instead of guessing at a mistyped name. What is supported is `table.ts`.
 *
 * @module
 */

/**
 * The options of git daemon that are not there yet, without dashes.
 *
 * @see https://git-scm.com/docs/git-daemon
 */
export const GIT_DAEMON_NOT_YET: readonly string[] = [
  "access-hook",
  "allow-override",
  "detach",
  "disable",
  "enable",
  "forbid-override",
  "group",
  "inetd",
  "interpolated-path",
  "log-destination",
  "syslog",
  "user",
  "user-path",
];
