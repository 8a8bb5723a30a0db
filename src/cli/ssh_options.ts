/**
 * The options of `gitsrv serve-command` without a service.
 *
 * @module
 */

import type { OptionRow } from "./options.ts";

/** Options without a service. */
export const SSH_OPTIONS: readonly OptionRow[] = [
  {
    name: "base-path",
    value: "<dir>",
    meaning: "take paths from <dir> and serve nothing outside of it " +
      "(without a service)",
  },
  {
    name: "read-only",
    meaning: "refuse every push (without a service)",
  },
  {
    name: "create-on-push",
    meaning: "make a bare repository where a push finds none",
  },
  {
    name: "strict",
    meaning: "do not try <directory>/.git if <directory> is no repository " +
      "(not with git-receive-pack)",
  },
  {
    name: "timeout",
    value: "<n>",
    isInteger: true,
    meaning: "give up after <n> seconds of inactivity; default 0: never " +
      "(not with git-receive-pack)",
  },
];
