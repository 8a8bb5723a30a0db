/**
 * The headers of answers that are files: http-backend.c's, and those that let
 * a client go on where it stopped. Pure.
 *
 * @module
 */

import type { PlainFacts, PlainThing } from "../../service/plain_order.ts";
import { NO_CACHE } from "./replies.ts";

/** So long is kept what never changes; hdr_cache_forever. */
const FOREVER_SECONDS = 31_536_000;

const TYPES: Readonly<Record<PlainThing["type"], string>> = {
  "head": "text/plain",
  "refs": "text/plain",
  "packs": "text/plain; charset=utf-8",
  "alternates": "text/plain",
  "http-alternates": "text/plain",
  "loose": "application/x-git-loose-object",
  "pack": "application/x-git-packed-objects",
  "idx": "application/x-git-packed-objects-toc",
};

/** What is named by its content. */
const IMMUTABLE: ReadonlySet<PlainThing["type"]> = new Set([
  "loose",
  "pack",
  "idx",
]);

/** What headers depend on beside the file. */
export interface FileAudience {
  /** Milliseconds since 1970. */
  readonly now: number;
  /**
   * Who may keep a copy: what somebody has got by their credentials is not
   * for the caches of others. git says "public" to everybody.
   */
  readonly audience: "public" | "private";
}

/** The headers for a status of 200, 206 or 304. */
export function fileHeaders(
  { type }: PlainThing,
  { status, size, start, end, tag, mtimeMs }: PlainFacts,
  { now, audience }: FileAudience,
): Record<string, string> {
  const headers: Record<string, string> = IMMUTABLE.has(type)
    ? {
      "Expires": dateText(now + FOREVER_SECONDS * 1000),
      "Cache-Control": `${audience}, max-age=${FOREVER_SECONDS}`,
    }
    : { ...NO_CACHE };
  headers["X-Content-Type-Options"] = "nosniff";
  if (tag !== undefined) headers["ETag"] = `"${tag}"`;
  if (mtimeMs !== undefined) headers["Last-Modified"] = dateText(mtimeMs);
  if (size !== undefined) headers["Accept-Ranges"] = "bytes";
  if (status === 304) return headers;
  headers["Content-Type"] = TYPES[type];
  if (end !== undefined) headers["Content-Length"] = `${end - start}`;
  if (status === 206 && end !== undefined) {
    headers["Content-Range"] = `bytes ${start}-${end - 1}/${size}`;
  }
  return headers;
}

/** A date as HTTP spells it; seconds count. */
function dateText(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toUTCString();
}
