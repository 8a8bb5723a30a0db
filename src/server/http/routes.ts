/**
 * Which request is for what: http-backend.c's table of services, with the
 * paths of a repository in front. Pure.
 *
 * @see https://git-scm.com/docs/git-http-backend
 * @module
 */

/** The requests that can be made of one repository. */
export type RepositoryRoute =
  /** `info/refs`, for a service or for a dumb client. */
  | {
    readonly kind: "info-refs";
    readonly path: string;
    /** The value of `service`; `undefined` is a dumb client. */
    readonly service: string | undefined;
  }
  /** A POST to a service, such as "git-upload-pack". */
  | {
    readonly kind: "service";
    readonly path: string;
    readonly service: string;
  };

/** What a request turned out to be. */
export type Route =
  | RepositoryRoute
  /** There is such a thing, for other methods. */
  | { readonly kind: "wrong-method"; readonly allow: string }
  /** There is no such thing. */
  | { readonly kind: "unknown" };

interface Row {
  readonly method: "GET" | "POST";
  readonly pattern: RegExp;
  route(path: string, rest: string, query: URLSearchParams): RepositoryRoute;
}

const ROWS: readonly Row[] = [
  {
    method: "GET",
    pattern: /\/info\/refs$/,
    route: (path, _, query) => ({
      kind: "info-refs",
      path,
      // Of several, git takes the last.
      service: query.getAll("service").at(-1),
    }),
  },
  {
    method: "POST",
    pattern: /\/git-(?:upload-pack|receive-pack|upload-archive)$/,
    route: (path, rest) => ({ kind: "service", path, service: rest.slice(1) }),
  },
];

/**
 * What `method` and `url` ask for. HEAD is GET, as in git. Paths are text,
 * decoded once; what cannot be decoded, or hides a slash, a backslash or a
 * control character, is unknown.
 */
export function findRoute(method: string, url: URL): Route {
  const pathname = decodedPath(url.pathname);
  if (pathname === undefined) return { kind: "unknown" };
  const asked = method === "HEAD" ? "GET" : method;
  for (const row of ROWS) {
    const found = row.pattern.exec(pathname);
    if (found === null) continue;
    if (asked !== row.method) {
      const allow = row.method === "GET" ? "GET, HEAD" : row.method;
      return { kind: "wrong-method", allow };
    }
    const path = pathname.slice(0, found.index);
    if (path === "") return { kind: "unknown" };
    return row.route(path, found[0], url.searchParams);
  }
  return { kind: "unknown" };
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
