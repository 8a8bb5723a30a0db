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
  /**
   * Whom `authorization` (the header, or `null`) names; `from` is the address
   * that it came from, "" where that is not known. Never rejects.
   */
  identify(authorization: string | null, from?: string): Promise<Identity>;
}

/** What the operator says of repositories and users. */
export interface AccessRules {
  /**
   * Whether some repository may not be read by somebody: then one that is not
   * there must be answered like one that may not be read. So they are unless
   * told.
   */
  readonly hidesRepositories?: boolean;
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

/** Who there is, and what they may. */
export interface AccessPolicy {
  /** Checks credentials; without it, nobody is asked for any. */
  readonly credentials?: Credentials;
  /** What is said of repositories; without it, nothing is. */
  readonly rules?: AccessRules;
}

/**
 * Whether `password` is the one that the bcrypt hash was made from. Takes long
 * on purpose, so not in the thread that serves sockets.
 */
export type CheckPassword = (
  password: string,
  hash: string,
) => Promise<boolean>;
