/**
 * URLs of submodules with which somebody who clones could be tricked.
 *
 * fsck.c: check_submodule_url; credential.c: credential_from_url_1; url.c.
 *
 * @module
 */

import { hexDigit } from "../../core/bytes.ts";

/** Whether git disallows `url`, a binary string. */
export function isBadSubmoduleUrl(url: string): boolean {
  if (url.startsWith("-")) return true;
  if (/^\.\.?[/\\]/.test(url) || url.startsWith("git://")) {
    if (decode(url).includes("\n")) return true;
    return climbsToHost(url);
  }
  const curl = /^(?:https?|ftps?)::/.exec(url);
  if (curl !== null) return isBadForCurl(url.slice(curl[0].length));
  return /^(?:https?|ftps?):\/\//.test(url) && isBadForCurl(url);
}

/** Whether it goes up from where it is resolved, and then sets a host. */
function climbsToHost(url: string): boolean {
  let at = 0;
  let climbs = false;
  for (;;) {
    const dots = url[at] !== "." ? 0 : url[at + 1] === "." ? 2 : 1;
    const end = url[at + dots];
    if (dots === 0 || (end !== "/" && end !== "\\")) break;
    if (dots === 2) climbs = true;
    at += dots + 1;
  }
  return climbs && (url[at] === ":" || url[at] === "/");
}

/** Whether no credential could be looked up for it, or a wrong one. */
function isBadForCurl(url: string): boolean {
  const scheme = url.indexOf("://");
  if (scheme <= 0) return true;
  const rest = url.slice(scheme + 3);
  const hostEnd = rest.search(/[/?#]|$/);
  const at = rest.indexOf("@");
  const colon = rest.indexOf(":");
  const parts: string[] = [url.slice(0, scheme)];
  let hostStart = 0;
  if (at >= 0 && at < hostEnd) {
    hostStart = at + 1;
    if (colon < 0 || at <= colon) {
      parts.push(decode(rest.slice(0, at)));
    } else {
      parts.push(decode(rest.slice(0, colon)));
      parts.push(decode(rest.slice(colon + 1, at)));
    }
  }
  const host = decode(rest.slice(hostStart, hostEnd));
  parts.push(host, decode(rest.slice(hostEnd).replace(/^\/+/, "")));
  return host === "" || parts.some((part) => part.includes("\n"));
}

/** url.c: url_decode_mem, which leaves what stands before a colon. */
function decode(text: string): string {
  const colon = Math.max(0, text.indexOf(":"));
  const parts = [text.slice(0, colon)];
  let from = colon;
  for (
    let at = text.indexOf("%", colon);
    at >= 0;
    at = text.indexOf("%", at)
  ) {
    const high = hexDigit(text.charCodeAt(at + 1));
    const low = hexDigit(text.charCodeAt(at + 2));
    const code = high < 0 || low < 0 ? 0 : high * 16 + low;
    if (code === 0) {
      at++;
      continue;
    }
    parts.push(text.slice(from, at), String.fromCharCode(code));
    at += 3;
    from = at;
  }
  parts.push(text.slice(from));
  return parts.join("");
}
