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

/** One place that is listened in. */
export interface Place {
  /** The address. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The path of a Unix domain socket; absent on TCP. */
  readonly path?: string;
}

/** What is served, and where. */
export type Started = Served & Place & {
  /** Every place, where there are several. */
  readonly addresses?: readonly Place[];
  /** The process that serves, where it does so in the background. */
  readonly background?: number;
  /** Whether anybody who connects can push. */
  readonly takesPushes?: boolean;
};

/** The words at the start: what, where, and the line to paste. */
export function banner(started: Started): string {
  const places = started.addresses ?? [started];
  const everywhere = places.map(nameOf).join(" and ");
  const tcp = places.find(({ path }) => path === undefined);
  const access = started.takesPushes === true
    ? "whoever connects can push"
    : "read-only";
  const reach = `(${access}, ${
    places.every(isLocal) ? "this machine only" : "reachable from the network"
  })`;
  const url = nameOf(tcp ?? started);
  const text = (lines: readonly string[]) =>
    linesOf([...lines, "", howToStop(started)]);
  // git's own clients connect to TCP alone.
  const clone = (path: string) =>
    tcp === undefined
      ? [
        "git has no URL for a socket: core.gitProxy names a program that leads to it.",
      ]
      : [`    git clone ${shellWord(url + path)}`];
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
          ...clone("hello.git"),
        ]
        : ["", ...clone(urlPath(example))];
      return text([
        `Serving ${printable(directory)} at ${everywhere} ${reach}`,
        ...lines,
      ]);
    }
    case "welcome":
      return text([
        `Serving a welcome repository at ${everywhere} ${reach}`,
        "",
        ...clone(WELCOME_NAME),
        "",
        "To serve your own, make one and start again:",
        "",
        "    git init --bare -b main ./repos/hello.git",
      ]);
    case "git-rules":
      return `Serving ${
        started.basePath === undefined ? "" : `${tidy(started.basePath)} `
      }at ${everywhere} by git daemon's rules\n`;
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
 * The error where nothing can be listened on: git's own under its rules;
 * otherwise it says what would help.
 */
export function cannotListen(
  error: UsageError,
  port: number,
  kind: Served["kind"],
): UsageError {
  // Of sockets in the file system the log says which it was.
  const isPort = !error.message.includes("unix:");
  const hint = kind !== "git-rules" && error.code === "EADDRINUSE" && isPort
    ? "\nhint: another server has it; --port=0 takes a free one " +
      "(npm start -- --port=0)"
    : "";
  return new UsageError(
    error.code,
    `unable to allocate any listen sockets on port ${port}${hint}`,
    { cause: error },
  );
}

function firstRepository(directory: string): string {
  return shellWord(`${directory.replace(/\/+$/, "")}/hello.git`);
}

/** A path for people, without what leads nowhere. */
function tidy(path: string): string {
  return printable(path.replace(/\/(?:\.?(?=\/)|\.?$)/g, "") || "/");
}

function isLocal({ hostname, path }: Place): boolean {
  return path !== undefined || hostname === "localhost" ||
    hostname === "::1" || hostname.startsWith("127.");
}

function howToStop({ background }: Started): string {
  return background === undefined
    ? "Press Ctrl-C to stop."
    : `Process ${background} serves in the background; to stop it: ` +
      `kill ${background}`;
}

function linesOf(lines: readonly string[]): string {
  return [...lines, ""].join("\n");
}

/** The URL of a place; a Unix domain socket has none, and is its path. */
function nameOf({ hostname, port, path }: Place): string {
  if (path !== undefined) return `unix:${printable(path)}`;
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
