/**
 * The lines that clone a repository, made from where the server listens or
 * from what its operator says, and never from what a request says. Pure.
 *
 * @module
 */

import { UsageError } from "../../core/errors.ts";
import { encodePath } from "./page_text.ts";

/** A place that the server listens in. */
export interface PageAddress {
  /** How it is spoken to. */
  readonly scheme: "git" | "http" | "https";
  /** The address. */
  readonly hostname: string;
  /** The port; 0 for a Unix domain socket. */
  readonly port: number;
}

/** What stands for an address that the server does not know itself. */
export const PLACEHOLDER = "ADDRESS";

const DEFAULT_PORTS: Readonly<Record<PageAddress["scheme"], number>> = {
  git: 9418,
  http: 80,
  https: 443,
};

/**
 * The URL of `--public-url`: where a web server in front of this one has it.
 * Throws a UsageError "usage" for what is none.
 */
export function parsePublicUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined || !/^https?:$/.test(url.protocol) ||
    url.username !== "" || url.password !== "" || url.search !== "" ||
    url.hash !== ""
  ) {
    throw new UsageError(
      "usage",
      "a public URL starts with http:// or https:// and has no user, query " +
        `or fragment: '${text}' does not`,
    );
  }
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/**
 * What stands before the path of a repository, one for each transport, with a
 * slash at its end: HTTP first.
 */
export function cloneBases(
  addresses: readonly PageAddress[],
  publicUrl?: URL,
): readonly string[] {
  const tcp = addresses.filter(({ port }) => port > 0);
  const git = nearest(tcp.filter(({ scheme }) => scheme === "git"));
  if (publicUrl !== undefined) {
    // What is in front of us passes HTTP on; git:// is reached past it.
    return git === undefined || isLoopback(git.hostname)
      ? [publicUrl.href]
      : [publicUrl.href, baseOf(git, publicUrl.hostname)];
  }
  const web = nearest(tcp.filter(({ scheme }) => scheme === "https")) ??
    nearest(tcp.filter(({ scheme }) => scheme === "http"));
  const bases = [web, git].flatMap((address) =>
    address === undefined ? [] : [baseOf(address, PLACEHOLDER)]
  );
  return bases.length === 0 ? [`${PLACEHOLDER}/`] : bases;
}

/** Whether lines with `base` need a word about their address. */
export function hasPlaceholder(base: string): boolean {
  return /^(?:[a-z]+:\/\/)?ADDRESS[:/]/.test(base);
}

/** The line for a shell that clones the repository at `path`. */
export function cloneLine(base: string, path: string): string {
  return `git clone ${shellWord(base + encodePath(path.replace(/^\//, "")))}`;
}

/** One whose address says something, before those that say "everywhere". */
function nearest(addresses: readonly PageAddress[]): PageAddress | undefined {
  return addresses.find(({ hostname }) => !isEverywhere(hostname)) ??
    addresses[0];
}

function baseOf(
  { scheme, hostname, port }: PageAddress,
  unknown: string,
): string {
  const name = isEverywhere(hostname) ? unknown : hostname;
  const host = name.includes(":") && !name.startsWith("[") ? `[${name}]` : name;
  return port === DEFAULT_PORTS[scheme]
    ? `${scheme}://${host}/`
    : `${scheme}://${host}:${port}/`;
}

function isEverywhere(hostname: string): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" ||
    hostname.startsWith("127.");
}

function shellWord(word: string): string {
  return /^[\w./:@%+=,~-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}
