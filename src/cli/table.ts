/**
 * The subcommands, one row each, with everything that help needs. Their code
 * is loaded when one is run: `serve-command` starts once per connection.
 *
 * @module
 */

import { LIMITS } from "../server/limits.ts";
import type { CommandRow } from "./command.ts";
import type { OptionRow } from "./options.ts";
import { GIT_DAEMON_NOT_YET } from "./unsupported.ts";

const LIMIT_OPTIONS: readonly OptionRow[] = LIMITS.flatMap((row) =>
  row.option === undefined ? [] : [{
    name: row.option,
    value: "<n>",
    isInteger: true,
    meaning: `${row.meaning}; default ${row.default}${
      row.unit === "" ? "" : ` ${row.unit}`
    }`,
  }]
);

const DAEMON_OPTIONS: readonly OptionRow[] = [
  {
    name: "listen",
    value: "<host>",
    isSingle: true,
    meaning: "address to listen on; default 127.0.0.1",
  },
  {
    name: "port",
    value: "<n>",
    isInteger: true,
    meaning: "port to listen on; default 9418, 0 lets the system choose",
  },
  {
    name: "base-path",
    value: "<path>",
    meaning: "put <path> in front of every requested path (git's rules)",
  },
  {
    name: "base-path-relaxed",
    meaning: "try the path without it as well (git's rules)",
  },
  {
    name: "strict-paths",
    meaning: "take paths as they are: no .git is added (git's rules)",
  },
  {
    name: "export-all",
    meaning: "serve repositories without git-daemon-export-ok as well " +
      "(git's rules)",
  },
  {
    name: "informative-errors",
    meaning: "tell refused clients why they were refused",
  },
  ...LIMIT_OPTIONS,
  { name: "pid-file", value: "<file>", meaning: "write the process id there" },
  {
    name: "reuseaddr",
    meaning: "listen though old connections linger: always done, for git",
  },
  { name: "verbose", meaning: "log every connection and request" },
];

/** All subcommands, in the order of help. */
export const COMMANDS: readonly CommandRow[] = [
  {
    name: "daemon",
    summary: "serve repositories over git://",
    operands: "[<directory>...]",
    description: [
      "Serves every repository below <directory>, read-only. Without one it is",
      "./repos, and without that a welcome repository that is kept in memory.",
      "",
      "With --base-path, --base-path-relaxed or --strict-paths the rules are",
      "those of git daemon: the directories are the list of what may be served,",
      "and a repository needs git-daemon-export-ok unless --export-all is given.",
    ],
    options: DAEMON_OPTIONS,
    notYet: GIT_DAEMON_NOT_YET,
    load: async () => (await import("./daemon.ts")).runDaemon,
  },
  {
    name: "serve-command",
    summary: "serve one session on standard input and output",
    operands: "git-upload-pack <directory>",
    description: [
      "What `git-upload-pack` does for ssh and for `git clone --upload-pack`.",
      "GIT_PROTOCOL says which versions of the protocol the client knows.",
    ],
    options: [
      {
        name: "strict",
        meaning: "do not try <directory>/.git if <directory> is no repository",
      },
      {
        name: "timeout",
        value: "<n>",
        isInteger: true,
        meaning: "give up after <n> seconds of inactivity; default 0: never",
      },
    ],
    load: async () => (await import("./serve_command.ts")).runServeCommand,
  },
];
