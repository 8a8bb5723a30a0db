/**
 * Which request is for what: http-backend.c's table of services, with the
 * paths of a repository in front. Pure.
 *
 * @see https://git-scm.com/docs/git-http-backend
 * @module
 */

import type { PlainThing } from "../../service/plain_order.ts";

/** A plain file, of clients that know no service. */
export interface PlainRoute {
  readonly kind: "plain";
  readonly path: string;
  /** Which one. */
  readonly thing: PlainThing;
}

/** The requests that can be made of one repository's services. */
export type ServiceRoute =
  /** `info/refs` for a service. */
  | {
    readonly kind: "info-refs";
    readonly path: string;
    /** The value of `service`. */
    readonly service: string;
  }
  /** A POST to a service, such as "git-upload-pack". */
  | {
    readonly kind: "service";
    readonly path: string;
    readonly service: string;
  };

/** Pages for people. */
export type PageRoute =
  /** The repositories. */
  | { readonly kind: "index" }
  /** One repository, at the path by which it is cloned. */
  | { readonly kind: "page"; readonly path: string };

/** What a request turned out to be. */
export type Route =
  | PlainRoute
  | ServiceRoute
  | PageRoute
  /** Anything of Git LFS. */
  | { readonly kind: "lfs" }
  /** There is such a thing, for other methods. */
  | { readonly kind: "wrong-method"; readonly allow: string }
  /** There is no such thing. */
  | { readonly kind: "unknown" };

interface Row {
  readonly method: "GET" | "POST";
  readonly pattern: RegExp;
  route(
    path: string,
    rest: string,
    query: URLSearchParams,
  ): PlainRoute | ServiceRoute;
}

/** A row for a file; what the pattern's groups have found says which one. */
function plain(
  pattern: RegExp,
  thing: (first: string, second: string) => PlainThing,
): Row {
  return {
    method: "GET",
    pattern,
    route(path, rest) {
      const [, first = "", second = ""] = pattern.exec(rest) ?? [];
      return { kind: "plain", path, thing: thing(first, second) };
    },
  };
}

const ROWS: readonly Row[] = [
  plain(/\/HEAD$/, () => ({ type: "head" })),
  {
    method: "GET",
    pattern: /\/info\/refs$/,
    route(path, _, query) {
      // Of several, git takes the last.
      const service = query.getAll("service").at(-1);
      return service === undefined
        ? { kind: "plain", path, thing: { type: "refs" } }
        : { kind: "info-refs", path, service };
    },
  },
  plain(/\/objects\/info\/((?:http-)?alternates)$/, (type) => ({
    type: type as "alternates" | "http-alternates",
  })),
  plain(/\/objects\/info\/packs$/, () => ({ type: "packs" })),
  plain(
    /\/objects\/([0-9a-f]{2})\/([0-9a-f]{38}|[0-9a-f]{62})$/,
    (fan, rest) => ({ type: "loose", oid: fan + rest }),
  ),
  plain(
    /\/objects\/pack\/pack-([0-9a-f]{40}|[0-9a-f]{64})\.(pack|idx)$/,
    (hash, type) => ({ type: type as "pack" | "idx", hash }),
  ),
  {
    method: "POST",
    pattern: /\/git-(?:upload-pack|receive-pack|upload-archive)$/,
    route: (path, rest) => ({ kind: "service", path, service: rest.slice(1) }),
  },
];

/** The server of a repository for Git LFS, which git-lfs takes to be there. */
const LFS = /.\/info\/lfs(?:\/|$)/;

/**
 * What `method` and `url` ask for. HEAD is GET, as in git. Paths are text,
 * decoded once; what cannot be decoded, or hides a slash, a backslash or a
 * control character, is unknown.
 */
export function findRoute(method: string, url: URL): Route {
  const pathname = decodedPath(url.pathname);
  if (pathname === undefined) return { kind: "unknown" };
  const asked = method === "HEAD" ? "GET" : method;
  if (LFS.test(pathname)) return { kind: "lfs" };
  for (const row of ROWS) {
    const found = row.pattern.exec(pathname);
    if (found === null) continue;
    if (asked !== row.method) {
      const allow = row.method === "GET" ? "GET, HEAD" : row.method;
      return { kind: "wrong-method", allow };
    }
    const path = pathname.slice(0, found.index);
    // As git has it: what is served may be one repository.
    return row.route(path === "" ? "/" : path, found[0], url.searchParams);
  }
  return pageRoute(asked, pathname);
}

/** What lies in a repository, where no other repository is looked for. */
const INSIDE = new RegExp(
  "\\.git/.|./(?:objects|refs|hooks|logs|info|modules|worktrees)(?:/|$)|" +
    "./(?:[A-Z_]*HEAD|config|description|index|packed-refs|shallow)$",
);

/** What nothing else is for: `/`, and paths that may be those of repositories. */
function pageRoute(asked: string, pathname: string): Route {
  if (pathname === "/") {
    return asked === "GET"
      ? { kind: "index" }
      : { kind: "wrong-method", allow: "GET, HEAD" };
  }
  const path = trimmed(pathname);
  return asked === "GET" && path !== "" && !INSIDE.test(path)
    ? { kind: "page", path }
    : { kind: "unknown" };
}

/** Without slashes at its end; a pattern would try each slash of a long row. */
function trimmed(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}

function decodedPath(pathname: string): string | undefined {
  if (/%(?:2f|5c)/i.test(pathname)) return undefined;
  try {
    const text = decodeURIComponent(pathname);
    // deno-lint-ignore no-control-regex
    return /[\x00-\x1f\x7f\\]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
