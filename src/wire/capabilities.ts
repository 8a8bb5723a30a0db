/**
 * Capability lists as v0 and v1 carry them: names and `name=value` pairs with
 * spaces between, behind a NUL in what a server says and behind a space in
 * what a client asks. Which capabilities there are is the services' business.
 *
 * @see https://git-scm.com/docs/protocol-capabilities
 * @module
 */

/** A parsed capability list: the first value of each name, "" for a bare one. */
export type CapabilityList = ReadonlyMap<string, string>;

/**
 * Parses a list. Unknown names are kept and do no harm; of a repeated one the
 * first counts (connect.c: parse_feature_value).
 */
export function parseCapabilities(text: string): CapabilityList {
  const found = new Map<string, string>();
  for (const word of text.split(/[ \t\n\r]+/)) {
    if (word === "") continue;
    const at = word.indexOf("=");
    const name = at < 0 ? word : word.slice(0, at);
    if (!found.has(name)) found.set(name, at < 0 ? "" : word.slice(at + 1));
  }
  return found;
}

/** One capability as it is written: `name`, or `name=value`. */
export function formatCapability(name: string, value: string): string {
  return value === "" ? name : `${name}=${value}`;
}

/**
 * What git sends as the value of `agent`: spaces and everything that is not
 * printable ASCII become dots (version.c: git_user_agent_sanitized).
 */
export function sanitizeAgent(agent: string): string {
  return agent.trim().replace(/[^\x21-\x7e]/g, ".");
}
