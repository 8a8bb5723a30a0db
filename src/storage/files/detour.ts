/**
 * Where git-daemon looks when it does not look under the base path: a user's
 * home for `~user`, and what a template makes of the host that was asked for.
 * Asking the system is done here, before any file is looked at; what is found
 * there is the business of `exposure.ts`.
 *
 * @see https://git-scm.com/docs/git-daemon
 * @module
 */

import { binaryToUtf8, utf8ToBinary } from "../../core/bytes.ts";
import type { AskedHost } from "../types.ts";
import { type GitRules, noSuchRepository } from "./exposure.ts";
import { MAX_PATH_BYTES } from "./layout.ts";
import { joinPath } from "./paths.ts";

/** Another place to look at than the base path. */
export interface Detour {
  /** The path as git names it: "~alice/pub/a.git", or what a template gave. */
  readonly path: string;
  /** What `~alice` stands for; absent where no user was named. */
  readonly home?: string;
  /** Nothing that is found there may really lie outside of all of these. */
  readonly roots: readonly string[];
}

/** The home directory of a user; `undefined` where there is no such user. */
export type HomeOf = (user: string) => Promise<string | undefined>;

/**
 * The detour that a request for `path` takes, if it takes one: daemon.c,
 * path_ok. Rejects with a RefusedError "no-such-repository".
 */
export async function detourOf(
  path: string,
  rules: GitRules,
  host: AskedHost | undefined,
  homeOf: HomeOf,
): Promise<Detour | undefined> {
  const { userPath, interpolatedPath } = rules;
  if (path.startsWith("~") && userPath !== undefined) {
    return await homeDetour(path, rules, userPath, homeOf);
  }
  return interpolatedPath === undefined || host === undefined
    ? undefined
    : await templateDetour(path, interpolatedPath, host);
}

/** Whether a request for `path` takes a detour. */
export function takesDetour(
  path: string,
  rules: GitRules,
  host: AskedHost | undefined,
): boolean {
  return path.startsWith("~") ||
    (rules.interpolatedPath !== undefined && host !== undefined);
}

async function homeDetour(
  asked: string,
  rules: GitRules,
  userPath: string,
  homeOf: HomeOf,
): Promise<Detour> {
  const slash = asked.indexOf("/");
  const user = slash < 0 ? asked : asked.slice(0, slash);
  const rest = slash < 0 ? "" : asked.slice(slash);
  const path = userPath === "" ? asked : `${user}/${userPath}${rest}`;
  if (utf8ToBinary(path).length >= MAX_PATH_BYTES) {
    throw noSuchRepository(asked, `user-path too large: ${path}`);
  }
  // path.c: enter_repo knows no users where paths are strict.
  const home = rules.strictPaths === true
    ? undefined
    : await homeOf(user.slice(1));
  if (home === undefined || !home.startsWith("/")) {
    throw noSuchRepository(
      asked,
      `'${path}' does not appear to be a git repository`,
    );
  }
  // What the operator named may lead out of the home, unlike its owner's links.
  return { path, home, roots: [home, joinPath(home, userPath)] };
}

async function templateDetour(
  asked: string,
  template: string,
  host: AskedHost,
): Promise<Detour> {
  const needsLook = /%(?:CH|IP)/.test(template.replaceAll("%%", ""));
  const facts = needsLook
    ? await host.look()
    : { canonicalName: "", address: "" };
  const path = interpolate(template, {
    H: text(host.name),
    CH: text(facts.canonicalName),
    IP: facts.address,
    P: text(host.port),
    D: asked,
  });
  if (utf8ToBinary(path).length >= MAX_PATH_BYTES) {
    throw noSuchRepository(asked, `interpolated path too large: ${path}`);
  }
  // What a host name brings in has passed no guard yet.
  if (/[\0\n\ufffd]/.test(path) || !path.startsWith("/")) {
    throw noSuchRepository(
      asked,
      `'${path}' does not appear to be a git repository`,
    );
  }
  return { path, roots: [fixedPart(template)] };
}

/** What the letters of a template stand for. */
export interface TemplateValues {
  /** The host name that was asked for. */
  readonly H: string;
  /** The canonical host name. */
  readonly CH: string;
  /** The host's address. */
  readonly IP: string;
  /** The port. */
  readonly P: string;
  /** The path that was asked for. */
  readonly D: string;
}

/**
 * A template with its letters replaced (strbuf.c: strbuf_expand): `%%` is one
 * "%", and what is no letter of ours stays.
 */
export function interpolate(template: string, values: TemplateValues): string {
  return template.replace(
    /%(%|CH|IP|[HPD])/g,
    (_, letter: string) =>
      letter === "%" ? "%" : values[letter as keyof TemplateValues],
  );
}

/** The directory that everything a template gives lies in. */
function fixedPart(template: string): string {
  const percent = template.indexOf("%");
  const fixed = percent < 0 ? template : template.slice(0, percent);
  return fixed.slice(0, Math.max(1, fixed.lastIndexOf("/"))) || "/";
}

/** What is not UTF-8 gets a U+FFFD, which no path is allowed. */
function text(binary: string): string {
  return binaryToUtf8(binary);
}
