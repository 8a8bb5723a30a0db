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
  | { readonly kind: "git-rules" };

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
  switch (started.kind) {
    case "directory": {
      const { directory, example } = started;
      const lines = example === undefined
        ? [
          "There is no repository in it yet. To make one:",
          "",
          `    git init --bare -b main ${shellWord(`${directory}/hello.git`)}`,
          `    git clone ${url}hello.git`,
        ]
        : ["", `    git clone ${shellWord(url + urlPath(example))}`];
      return text([
        `Serving ${printable(directory)} at ${url} (read-only)`,
        ...lines,
      ]);
    }
    case "welcome":
      return text([
        `Serving a welcome repository at ${url} (read-only)`,
        "",
        `    git clone ${url}${WELCOME_NAME}`,
        "",
        "To serve your own, make one and start again:",
        "",
        "    git init --bare -b main ./repos/hello.git",
      ]);
    case "git-rules":
      return `Serving at ${url} by git daemon's rules\n`;
  }
}

/** The error for a directory that was named and is none. */
export function missingDirectory(directory: string): UsageError {
  return new UsageError(
    "no-directory",
    `directory '${directory}' does not exist or is not a directory\n` +
      "hint: to make a first repository there:\n" +
      `hint:     git init --bare -b main ${
        shellWord(`${directory.replace(/\/+$/, "")}/hello.git`)
      }`,
  );
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
