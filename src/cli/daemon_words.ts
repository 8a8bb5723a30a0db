/**
 * What `gitsrv daemon` tells the person who started it.
 *
 * @module
 */

import { printable } from "../core/bytes.ts";
import { UsageError } from "../core/errors.ts";
import type { Readers } from "./access_words.ts";

/** The name of the repository that is served where there is none. */
export const WELCOME_NAME = "welcome.git";

const USUAL_PORTS = { git: 9418, http: 80, https: 443 };
/** A line to paste for each of these. */
const SCHEMES = [["git"], ["http", "https"]];

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
  /** How it is spoken to; "git" unless told. */
  readonly scheme?: "git" | "http" | "https";
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
  /** Who can push; "read-only" unless told. */
  readonly access?: string;
  /** Who can clone the repository at a path; anyone unless told. */
  readonly readers?: (path: string) => Readers;
};

/** The words at the start: what, where, and the line to paste. */
export function banner(started: Started): string {
  const places = started.addresses ?? [started];
  const everywhere = places.map(nameOf).join(" and ");
  const { access = "read-only" } = started;
  const reach = `(${access}, ${
    places.every(isLocal) ? "this machine only" : "reachable from the network"
  })`;
  const text = (lines: readonly string[]) =>
    linesOf([...lines, "", howToStop(started)]);
  const clone = (path: string) => cloneLines(started, places, path);
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
          ...clone("hello.git").slice(0, 1),
        ]
        : ["", ...clone(example)];
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
      return linesOf([
        `Serving ${
          started.basePath === undefined ? "" : `${tidy(started.basePath)} `
        }at ${everywhere} by git daemon's rules`,
      ]);
  }
}

/** The lines that clone the repository at `path`, or why there are none. */
function cloneLines(
  { readers = () => "anyone" }: Started,
  places: readonly Place[],
  path: string,
): readonly string[] {
  const who = readers(path);
  if (who === "nobody") {
    return [`Rules let nobody clone ${printable(path)}.`];
  }
  // git's own clients connect to TCP alone; over git:// nobody is known.
  const urls = SCHEMES.flatMap((schemes) =>
    places.find(({ scheme = "git", path }) =>
      path === undefined && schemes.includes(scheme) &&
      (who === "anyone" || scheme !== "git")
    ) ?? []
  ).map(nameOf);
  if (urls.length === 0) {
    return [
      "git has no URL for a socket: core.gitProxy names a program that leads to it.",
    ];
  }
  return [
    ...urls.map((url) => `    git clone ${shellWord(url + urlPath(path))}`),
    ...(who === "anyone"
      ? []
      : ["", "git asks for a name and a password: rules let users clone it."]),
  ];
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
  const option = isForHttp(error) ? "--http-port=0" : "--port=0";
  const hint = kind !== "git-rules" && error.code === "EADDRINUSE" && isPort
    ? `\nhint: another server has it; ${option} takes a free one ` +
      `(npm start -- ${option})`
    : "";
  return new UsageError(
    error.code,
    `unable to allocate any listen sockets on port ${port}${hint}`,
    { cause: error },
  );
}

/** Whether an error of listening is one of HTTP's. */
export function isForHttp(error: UsageError): boolean {
  return error.message.includes(" for HTTP: ");
}

/** What is said where nobody asked for the port that cannot be had. */
export function withoutHttp(port: number): string {
  return `warning: port ${port} is taken, HTTP is not served; ` +
    "--http-port=<n> chooses another, 0 a free one, --no-http none\n";
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
function nameOf({ scheme = "git", hostname, port, path }: Place): string {
  if (path !== undefined) return `unix:${printable(path)}`;
  const anywhere = hostname === "0.0.0.0" || hostname === "::";
  const name = anywhere ? "localhost" : hostname;
  const host = name.includes(":") ? `[${name}]` : name;
  const where = port === USUAL_PORTS[scheme] ? host : `${host}:${port}`;
  return `${scheme}://${where}/`;
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
