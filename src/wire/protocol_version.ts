/**
 * Which protocol version a client asked for.
 *
 * @see https://git-scm.com/docs/protocol-v2
 * @module
 */

const KNOWN: Readonly<Record<string, 0 | 1 | 2>> = {
  "version=0": 0,
  "version=1": 1,
  "version=2": 2,
};

/**
 * The highest known version among the keys of `text`, which has colons between
 * them, as `GIT_PROTOCOL` and the header `Git-Protocol` do; 0 where there is
 * none (protocol.c: determine_protocol_version_server).
 */
export function highestVersion(text: string): 0 | 1 | 2 {
  let highest: 0 | 1 | 2 = 0;
  for (const key of text.split(":")) {
    const version = Object.hasOwn(KNOWN, key) ? KNOWN[key] : undefined;
    if (version !== undefined && version > highest) highest = version;
  }
  return highest;
}
