/**
 * Bounds that the request parsers keep while they gather lines, so that no
 * client can make them hold more than this.
 *
 * @module
 */

/** Bounds of one request. The services' limits have these among others. */
export interface RequestLimits {
  /** Distinct `want` lines. */
  readonly maxWants: number;
  /** `have` lines. */
  readonly maxHaves: number;
  /** `shallow` and `deepen-not` lines together, each counted once. */
  readonly maxShallow: number;
}
