/**
 * Who asks, and whether they may: what the transports are told about access.
 * Types alone.
 *
 * @module
 */

/** What somebody wants of a repository. */
export type AccessKind = "read" | "write";

/** Whom a request's credentials name. */
export type Identity =
  /** There were none. */
  | { readonly type: "nobody" }
  /** They are right. */
  | { readonly type: "user"; readonly name: string }
  /** They are wrong, or of a kind that is not known here. */
  | { readonly type: "wrong" }
  /** Too many others are being checked. */
  | { readonly type: "busy" };

/** Checks credentials. */
export interface Credentials {
  /** What a client without any is asked for: values of `WWW-Authenticate`. */
  readonly challenges: readonly string[];
  /** Whom `authorization` (the header, or `null`) names. Never rejects. */
  identify(authorization: string | null): Promise<Identity>;
}

/** What the operator says of repositories and users. */
export interface AccessRules {
  /**
   * Whether `user` (`undefined` for nobody) may do this with the repository at
   * `path`, which starts with a slash; `undefined` where nothing is said.
   */
  allows(
    path: string,
    kind: AccessKind,
    user: string | undefined,
  ): boolean | undefined;
}
