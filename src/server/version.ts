/**
 * The version of this program, as it tells peers and people.
 *
 * @module
 */

/** The version: the same as in deno.json and package.json. */
export const VERSION = "0.1.0";

/** What `agent=` says. */
export const AGENT: string = `gitsrv/${VERSION}`;
