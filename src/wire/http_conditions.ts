/**
 * Which part of something a request is to get: ranges and conditions of HTTP.
 * Pure; the same for whatever is served.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-conditional-requests
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
 * @module
 */

/** The headers of a request that choose; as they came. Can be cloned. */
export interface HttpConditions {
  /** `Range`; of a GET alone. */
  readonly range?: string;
  /** `If-Range`. */
  readonly ifRange?: string;
  /** `If-Match`. */
  readonly ifMatch?: string;
  /** `If-None-Match`. */
  readonly ifNoneMatch?: string;
  /** `If-Modified-Since`. */
  readonly ifModifiedSince?: string;
  /** `If-Unmodified-Since`. */
  readonly ifUnmodifiedSince?: string;
}

/** What is there. */
export interface Selectable {
  /** Bytes. */
  readonly size: number;
  /** The inside of its strong ETag, if it has one. */
  readonly tag?: string;
  /** Last change, milliseconds since 1970, if it is known. */
  readonly mtimeMs?: number;
}

/** The bytes `[start, end)` with their status, or no bytes. */
export interface Selection {
  /** The status that the answer has. */
  readonly status: 200 | 206 | 304 | 412 | 416;
  /** The first byte. */
  readonly start: number;
  /** The one behind the last. */
  readonly end: number;
}

/** The conditions that a request's headers state. */
export function readConditions({ method, headers }: Request): HttpConditions {
  const found: Record<string, string> = {};
  for (const [key, name] of Object.entries(HEADERS)) {
    // RFC 9110, 14.2: ranges are of GET alone.
    if (key === "range" && method !== "GET") continue;
    const value = headers.get(name);
    if (value !== null) found[key] = value;
  }
  return found;
}

const HEADERS: Readonly<Record<keyof HttpConditions, string>> = {
  range: "range",
  ifRange: "if-range",
  ifMatch: "if-match",
  ifNoneMatch: "if-none-match",
  ifModifiedSince: "if-modified-since",
  ifUnmodifiedSince: "if-unmodified-since",
};

/** What of `target` is to be sent; RFC 9110, 13.2.2 in its order. */
export function select(
  conditions: HttpConditions,
  target: Selectable,
): Selection {
  const { size } = target;
  const { ifMatch, ifNoneMatch, range } = conditions;
  const modified = secondsOf(target.mtimeMs);
  if (ifMatch !== undefined) {
    if (!listHas(ifMatch, target.tag, "strong")) return none(412);
  } else {
    const limit = parseDate(conditions.ifUnmodifiedSince);
    if (limit !== undefined && modified !== undefined && modified > limit) {
      return none(412);
    }
  }
  if (ifNoneMatch !== undefined) {
    if (listHas(ifNoneMatch, target.tag, "weak")) return none(304);
  } else {
    const since = parseDate(conditions.ifModifiedSince);
    if (since !== undefined && modified !== undefined && modified <= since) {
      return none(304);
    }
  }
  const whole: Selection = { status: 200, start: 0, end: size };
  if (range === undefined || !rangeHolds(conditions.ifRange, target)) {
    return whole;
  }
  return selectRange(range, size) ?? whole;
}

function none(status: 304 | 412 | 416): Selection {
  return { status, start: 0, end: 0 };
}

/**
 * One range; `undefined` for what says nothing: other units, several ranges,
 * and ranges that end before they start.
 */
function selectRange(text: string, size: number): Selection | undefined {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(text);
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return undefined;
    const length = Math.min(Number(last), size);
    if (Number(last) === 0) return none(416);
    // Nothing has no part that a Content-Range could name.
    if (length === 0) return undefined;
    return { status: 206, start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === "" ? Infinity : Number(last) + 1;
  if (end <= start) return undefined;
  if (start >= size) return none(416);
  return { status: 206, start, end: Math.min(end, size) };
}

/** Whether `If-Range` lets a range be. A date will do for what has a tag. */
function rangeHolds(
  ifRange: string | undefined,
  { tag, mtimeMs }: Selectable,
): boolean {
  if (ifRange === undefined) return true;
  if (tag === undefined) return false;
  const text = ifRange.trim();
  if (text.startsWith('"')) return text === `"${tag}"`;
  const date = parseDate(text);
  return date !== undefined && date === secondsOf(mtimeMs);
}

/** Whether a list of tags, or "*", names `tag`. */
function listHas(
  list: string,
  tag: string | undefined,
  comparison: "strong" | "weak",
): boolean {
  if (list.trim() === "*") return true;
  if (tag === undefined) return false;
  const asked = `"${tag}"`;
  return list.split(",").some((each) => {
    const text = each.trim();
    return text === asked || (comparison === "weak" && text === `W/${asked}`);
  });
}

const DATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (?:GMT|\+0000)$/;

/** Seconds since 1970 of a date, in HTTP's form or in git's. */
function parseDate(text: string | undefined): number | undefined {
  const trimmed = text?.trim();
  if (trimmed === undefined || !DATE.test(trimmed)) return undefined;
  const ms = Date.parse(trimmed);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.floor(ms / 1000);
}
