/**
 * Looks whether a web server hands a published folder out so that git's clients
 * can use it: files as they are, and 404 for what is not there.
 *
 * @see https://git-scm.com/docs/http-protocol
 * @module
 */

import { messageOf } from "../core/errors.ts";

/** What was found. */
export interface PublishedCheck {
  /** Refs that are listed. */
  readonly refs: number;
  /** Packs that are listed. */
  readonly packs: number;
  /** What keeps clients from using it; empty where nothing does. */
  readonly faults: readonly string[];
}

/** How it is looked at. */
export interface CheckInit {
  /** Asks the web server. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Each request takes so long at most, milliseconds. */
  readonly timeoutMs: number;
}

/** Longer lists are not read to their end. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;
/** Of more packs the first are looked at. */
const MAX_PACKS = 100;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Looks at the folder at `url`. Rejects where no web server answers. */
export async function checkPublished(
  url: string,
  init: CheckInit,
): Promise<PublishedCheck> {
  const base = url.replace(/\/*$/, "");
  const faults: string[] = [];
  const get = async (path: string, most: number, what: RegExp) => {
    const answer = await ask(`${base}/${path}`, most, init);
    const fault = answer.status !== 200
      ? `answers ${answer.status}`
      : what.test(answer.text)
      ? undefined
      : `is no such file: it begins ${
        JSON.stringify(answer.text.slice(0, 20))
      }`;
    if (fault === undefined) return answer.text;
    faults.push(`${path} ${fault}`);
    return "";
  };
  // A first request that fails is nobody's fault but the address's.
  const listing = await get(
    "info/refs",
    MAX_LIST_BYTES,
    /^(?:[0-9a-f]{40,64}\t[^\n]+\n)*$/,
  );
  await get("HEAD", 4096, /^(?:ref: refs\/[^\n]+|[0-9a-f]{40,64})\n$/);
  const list = await get(
    "objects/info/packs",
    MAX_LIST_BYTES,
    /^(?:P pack-[0-9a-f]{40,64}\.pack\n)*\n?$/,
  );
  const packs = [...list.matchAll(/^P (.*)\.pack$/gm)].map(([, name]) => name);
  for (const name of packs.slice(0, MAX_PACKS)) {
    await get(`objects/pack/${name}.idx`, 4, /^\xfftOc/);
    await get(`objects/pack/${name}.pack`, 4, /^PACK/);
  }
  const digits = /^[0-9a-f]*/.exec(listing)?.[0].length === 64 ? 64 : 40;
  const absent = `objects/00/${"0".repeat(digits - 2)}`;
  const { status, type } = await ask(`${base}/${absent}`, 1, init);
  if (status !== 404) {
    const page = /html/.test(type) ? ", with a page" : "";
    faults.push(
      `what is not there is answered by ${status}${page}, not by 404: git ` +
        "takes that for a broken object. Switch the fall-back off for this " +
        "folder",
    );
  }
  const refs = listing.split("\n").filter((line) =>
    line !== "" && !line.endsWith("^{}")
  );
  return { refs: refs.length, packs: packs.length, faults };
}

/** Up to `most` bytes of an answer, a binary string. */
async function ask(
  url: string,
  most: number,
  { fetch, timeoutMs }: CheckInit,
): Promise<Answer> {
  const response = await fetch(url, {
    // Some servers answer browsers with a page, and nobody else.
    headers: { "User-Agent": "git/2", Accept: "*/*", Pragma: "no-cache" },
    signal: AbortSignal.timeout(timeoutMs),
  });
  const { status, headers } = response;
  const parts: string[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  try {
    while (reader !== undefined && length < most) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(0, most - length);
      length += part.length;
      for (let at = 0; at < part.length; at += 8192) {
        parts.push(String.fromCharCode(...part.subarray(at, at + 8192)));
      }
    }
  } finally {
    await reader?.cancel().catch((error) => messageOf(error));
  }
  const type = headers.get("content-type") ?? "";
  return { status, type, text: parts.join("") };
}
