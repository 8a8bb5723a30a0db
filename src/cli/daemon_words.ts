/**
 * What `gitsrv daemon` tells the person who started it.
 *
 * @module
 */

import { printable } from "../core/bytes.ts";
import { UsageError } from "../core/errors.ts";

/** The name of the repository that is served where there is none. */
export const WELCOME_NAME = "welcome.git";

/** What is served. */
export type Served =
  | {
    readonly kind: "directory";
    /** As it was named. */
    readonly directory: string;
    /** The path of a repository below it, if one was found. */
    readonly example: string | undefined;
  }
  | { readonly kind: "welcome" }
  | {
    readonly kind: "git-rules";
    /** The base path, absolute, where there is one. */
    readonly basePath: string | undefined;
  };

/** What is served, and where. */
export type Started = Served & {
  /** The address that is listened on. */
  readonly hostname: string;
  /** The port that is listened on. */
  readonly port: number;
};

/** The words at the start: what, where, and the line to paste. */
export function banner(started: Started): string {
  const url = baseUrl(started);
  const reach = `(read-only, ${
    isLoopback(started.hostname)
      ? "this machine only"
      : "reachable from the network"
  })`;
  switch (started.kind) {
    case "directory": {
      const { directory, example } = started;
      const lines = example === undefined
        ? [
          `No repository was found in the first three levels below ${
            printable(directory)
          }.`,
          "To make one:",
          "",
          `    git init --bare -b main ${firstRepository(directory)}`,
          `    git clone ${url}hello.git`,
        ]
        : ["", `    git clone ${shellWord(url + urlPath(example))}`];
      return text([
        `Serving ${printable(directory)} at ${url} ${reach}`,
        ...lines,
      ]);
    }
    case "welcome":
      return text([
        `Serving a welcome repository at ${url} ${reach}`,
        "",
        `    git clone ${url}${WELCOME_NAME}`,
        "",
        "To serve your own, make one and start again:",
        "",
        "    git init --bare -b main ./repos/hello.git",
      ]);
    case "git-rules":
      return `Serving ${
        started.basePath === undefined ? "" : `${tidy(started.basePath)} `
      }at ${url} by git daemon's rules\n`;
  }
}

/**
 * The error for a directory that was named and is none; `found` is what is
 * there instead. How to make one is said where that would work.
 */
export function missingDirectory(
  directory: string,
  found: "other" | undefined,
): UsageError {
  if (directory === "") {
    return new UsageError("no-directory", "no directory given");
  }
  const hint = found === undefined
    ? "\nhint: to make a first repository there:\n" +
      `hint:     git init --bare -b main ${firstRepository(directory)}`
    : "";
  return new UsageError(
    "no-directory",
    `directory '${directory}' does not exist or is not a directory${hint}`,
  );
}

/**
 * The words for an address that cannot be listened on: git's own under its
 * rules; otherwise `log` names the port, and `fatal` says what would help.
 */
export function cannotListen(
  error: UsageError,
  port: number,
  kind: Served["kind"],
): { readonly log: string; readonly fatal: UsageError } {
  const isGit = kind === "git-rules";
  const hint = !isGit && error.code === "EADDRINUSE"
    ? "\nhint: another server has it; --port=0 takes a free one " +
      "(npm start -- --port=0)"
    : "";
  return {
    log: isGit
      ? error.message
      : error.message.replace(/^Could not bind to \S+(?=: )/, (words) =>
        `${words} port ${port}`),
    fatal: new UsageError(
      error.code,
      `unable to allocate any listen sockets on port ${port}${hint}`,
      { cause: error },
    ),
  };
}

function firstRepository(directory: string): string {
  return shellWord(`${directory.replace(/\/+$/, "")}/hello.git`);
}

/** A path for people, without what leads nowhere. */
function tidy(path: string): string {
  return printable(path.replace(/\/(?:\.?(?=\/)|\.?$)/g, "") || "/");
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" ||
    hostname.startsWith("127.");
}

function text(lines: readonly string[]): string {
  return [...lines, "", "Press Ctrl-C to stop.", ""].join("\n");
}

function baseUrl({ hostname, port }: Started): string {
  const anywhere = hostname === "0.0.0.0" || hostname === "::";
  const name = anywhere ? "localhost" : hostname;
  const host = name.includes(":") ? `[${name}]` : name;
  return port === 9418 ? `git://${host}/` : `git://${host}:${port}/`;
}

function urlPath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/** `word` as a shell takes it for one word. */
function shellWord(word: string): string {
  return /^[\w./:@%+=,[\]-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}
