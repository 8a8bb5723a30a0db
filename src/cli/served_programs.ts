/**
 * The programs of git's that `serve-command` stands in for, one row each.
 *
 * @module
 */

import type { SessionTerms } from "../service/types.ts";
import type { SshProgram } from "../wire/ssh_command.ts";
import type { GitProgram } from "./git_options.ts";

/** A program that is served. */
export interface ServedProgram extends GitProgram {
  /** Its name, as clients spell it. */
  readonly name: SshProgram;
  /**
   * What becomes of a wrong command line: usage is shown, or the service tells
   * its client, as one does whose arguments are another process's.
   */
  readonly wrongArguments: "usage" | "told";
  /** What stands above usage where there is no directory, or more than one. */
  readonly words?: { readonly none: string; readonly many: string };
}

/** What the values of options come to. */
export interface ProgramSettings {
  /** `--strict`. */
  readonly isStrict: boolean;
  /** `--timeout`, seconds; 0 is none. */
  readonly timeout: number;
  /** What the options say of the session. */
  readonly terms: Pick<SessionTerms, "stateless" | "advertiseOnly" | "quiet">;
  /** `--create-on-push`. */
  readonly createsOnPush: boolean;
}

/** The settings that parsed options come to. */
export function programSettings(
  values: ReadonlyMap<string, boolean | number>,
): ProgramSettings {
  return {
    isStrict: values.get("strict") === true,
    timeout: Math.max(0, Number(values.get("timeout") ?? 0)),
    terms: {
      stateless: values.get("stateless-rpc") === true,
      advertiseOnly: values.get("http-backend-info-refs") === true,
      quiet: values.get("quiet") === true,
    },
    createsOnPush: values.get("create-on-push") === true,
  };
}

/** The programs. */
export const SERVED_PROGRAMS: readonly ServedProgram[] = [
  {
    name: "git-upload-pack",
    usage: [
      "git-upload-pack [--[no-]strict] [--timeout=<n>] [--stateless-rpc]",
      "                       [--advertise-refs] <directory>",
    ],
    options: [
      {
        name: "stateless-rpc",
        meaning: "quit after a single request/response exchange",
      },
      {
        name: "http-backend-info-refs",
        isHidden: true,
        meaning: "serve up the info/refs for git-http-backend",
      },
      {
        name: "advertise-refs",
        isHidden: true,
        aliasOf: "http-backend-info-refs",
        meaning: "",
      },
      {
        name: "strict",
        meaning:
          "do not try <directory>/.git/ if <directory> is no Git directory",
      },
      {
        name: "timeout",
        value: "<n>",
        meaning: "interrupt transfer after <n> seconds of inactivity",
      },
    ],
    wrongArguments: "usage",
  },
  {
    name: "git-receive-pack",
    usage: ["git receive-pack <git-dir>"],
    options: [
      { name: "quiet", short: "q", meaning: "quiet" },
      { name: "stateless-rpc", isHidden: true, meaning: "" },
      { name: "http-backend-info-refs", isHidden: true, meaning: "" },
      {
        name: "advertise-refs",
        isHidden: true,
        aliasOf: "http-backend-info-refs",
        meaning: "",
      },
      // Not one of git's.
      { name: "create-on-push", isHidden: true, meaning: "" },
    ],
    wrongArguments: "usage",
    words: {
      none: "you must specify a directory",
      many: "too many arguments",
    },
  },
  {
    name: "git-upload-archive",
    usage: ["git upload-archive <repository>"],
    options: [],
    wrongArguments: "told",
  },
];
