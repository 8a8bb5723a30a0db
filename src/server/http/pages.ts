/**
 * Answers people who come with a browser: the list of repositories, and one
 * repository at the URL by which it is cloned. Who asks sees what they may
 * read, and nothing else.
 *
 * @module
 */

import type { ServiceRow } from "../services.ts";
import { admit, readerOf, unauthorized } from "./admission.ts";
import { cloneBases, type PageAddress } from "./clone_lines.ts";
import { HttpError } from "./http_error.ts";
import { Listing } from "./listing.ts";
import { logFailure } from "./log.ts";
import { openService } from "./opening.ts";
import { Overviews } from "./overviews.ts";
import {
  indexPage,
  type ListedRepository,
  MAX_QUERY,
  type PageFrame,
  repositoryPage,
} from "./page_html.ts";
import { STYLE } from "./page_style.ts";
import { requestUrl } from "./request_url.ts";
import type { AnswerPage, Exchange, HttpContext } from "./types.ts";

/** What pages say of where the server is. */
export interface PageSettings {
  /** Where it listens, once it does. */
  addresses(): readonly PageAddress[];
  /** Where a web server in front of it has it. */
  readonly publicUrl?: URL;
}

/** Repositories on a page of the list. */
const PAGE_SIZE = 50;
/** Repositories that are looked at, at the same time. */
const LOOKS = 8;
/** Others are served after so long a choice of what is shown. */
const SLICE_MS = 4;

/** Pages for people, with what `settings` says in them. */
export function pages(settings: PageSettings): AnswerPage {
  let rooms: Rooms | undefined;
  return async (exchange, route) => {
    // All exchanges of one server have the same context.
    rooms ??= new Rooms(settings, exchange.context);
    return route.kind === "index"
      ? await rooms.index(exchange)
      : await rooms.repository(exchange, route.path);
  };
}

/** What is remembered from one request to the next. */
class Rooms {
  readonly #settings: PageSettings;
  readonly #listing: Listing | undefined;
  readonly #overviews = new Overviews();
  #styleHash: Promise<string> | undefined;

  constructor(settings: PageSettings, context: HttpContext) {
    this.#settings = settings;
    // A program that decides over each request is not run for thousands.
    this.#listing = context.accessHook === undefined
      ? new Listing(context.backend, context.clock)
      : undefined;
  }

  async index(exchange: Exchange): Promise<Response> {
    const { searchParams } = requestUrl(exchange.request) ??
      new URL("http://localhost/");
    const reader = readerOf(exchange);
    if (searchParams.has("sign-in") && reader.isAnonymous) {
      throw unauthorized(exchange);
    }
    const query = (searchParams.get("q") ?? "").trim().slice(0, MAX_QUERY)
      .toWellFormed();
    const found = await this.#listing?.paths();
    const shown = await chosen(found?.paths ?? [], query, reader, exchange);
    if (reader.hasWrongCredentials()) throw unauthorized(exchange);
    const count = Math.max(1, Math.ceil(shown.length / PAGE_SIZE));
    const page = pageNumber(searchParams.get("page"), count);
    const start = (page - 1) * PAGE_SIZE;
    const repositories = found === undefined ? undefined : await this.#look(
      exchange,
      shown.slice(start, start + PAGE_SIZE),
      reader.user,
    );
    // Where all are shown, a name that is a link to what may not be read does
    // not count, and no search can tell that it is there.
    const total = count === 1 && repositories !== undefined
      ? repositories.length
      : shown.length;
    return await this.#respond(
      exchange.request,
      indexPage({
        ...this.#frame(),
        repositories,
        total,
        isCut: found?.isCut ?? false,
        query,
        page,
        pages: count,
        user: reader.user,
        maySignIn: reader.maySignIn(),
      }),
    );
  }

  async repository(exchange: Exchange, path: string): Promise<Response> {
    const admitted = await admit(exchange, path, "upload-pack");
    const opened = await openService(admitted, uploadPack(exchange), path);
    try {
      const overview = await this.#overviews.of(
        admitted,
        opened.repository,
        path,
        "page",
      );
      return await this.#respond(
        exchange.request,
        repositoryPage(this.#frame(), { path, overview }),
      );
    } finally {
      opened.done();
    }
  }

  #frame(): PageFrame {
    const { publicUrl } = this.#settings;
    return {
      root: publicUrl?.pathname ?? "/",
      bases: cloneBases(this.#settings.addresses(), publicUrl),
    };
  }

  /** What is known of each; those that turn out not to be had are left out. */
  async #look(
    exchange: Exchange,
    paths: readonly string[],
    user: string | undefined,
  ): Promise<readonly ListedRepository[]> {
    const asked = user === undefined ? exchange : { ...exchange, user };
    const results = new Array<ListedRepository | undefined>(paths.length);
    let next = 0;
    const work = async () => {
      for (let i = next++; i < paths.length; i = next++) {
        results[i] = await this.#lookAt(asked, paths[i] as string);
        await exchange.context.clock.turn();
      }
    };
    await Promise.all(Array.from({ length: LOOKS }, work));
    return results.filter((result) => result !== undefined);
  }

  async #lookAt(
    exchange: Exchange,
    path: string,
  ): Promise<ListedRepository | undefined> {
    try {
      const opened = await openService(exchange, uploadPack(exchange), path);
      const overview = await this.#overviews.of(
        exchange,
        opened.repository,
        path,
        "line",
      );
      opened.done();
      return { path, overview };
    } catch (error) {
      if (error instanceof HttpError) return undefined;
      logFailure(exchange.logger, error);
      return { path, overview: undefined };
    }
  }

  async #respond(request: Request, body: string): Promise<Response> {
    const etag = `"${(await digest(body)).slice(0, 24)}"`;
    this.#styleHash ??= digest(STYLE);
    const headers = {
      "Cache-Control": "private, no-cache",
      "Content-Security-Policy": "default-src 'none'; " +
        `style-src 'sha256-${await this.#styleHash}'; form-action 'self'; ` +
        "base-uri 'none'; frame-ancestors 'none'",
      "ETag": etag,
      "Referrer-Policy": "no-referrer",
      "Vary": "Authorization",
      "X-Content-Type-Options": "nosniff",
    };
    const isKnown = (request.headers.get("if-none-match") ?? "").slice(0, 1000)
      .split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
    return isKnown
      ? new Response(null, { status: 304, headers })
      : new Response(body, {
        headers: { ...headers, "Content-Type": "text/html; charset=utf-8" },
      });
  }
}

/** Those of `paths` that match and that the reader may have. */
async function chosen(
  paths: readonly string[],
  query: string,
  reader: Awaited<ReturnType<typeof readerOf>>,
  { context: { clock }, ending }: Exchange,
): Promise<readonly string[]> {
  const wanted = query.toLowerCase();
  const shown: string[] = [];
  let sliceEnd = clock.monotonic() + SLICE_MS;
  for (const path of paths) {
    if (wanted !== "" && !path.slice(1).toLowerCase().includes(wanted)) {
      continue;
    }
    const mayRead = reader.mayRead(path);
    // Most rules tell at once: nothing waits for those.
    if (typeof mayRead === "boolean" ? mayRead : await mayRead) {
      shown.push(path);
    }
    if (clock.monotonic() < sliceEnd) continue;
    await clock.turn();
    ending.signal.throwIfAborted();
    sliceEnd = clock.monotonic() + SLICE_MS;
  }
  return shown;
}

/** What is shown is what can be cloned. */
function uploadPack(
  { context: { services } }: Exchange,
): ServiceRow | undefined {
  return services.find(({ name }) => name === "upload-pack");
}

/** Pages that there are not are the nearest that there is. */
function pageNumber(text: string | null, count: number): number {
  return /^\d{1,9}$/.test(text ?? "")
    ? Math.min(count, Math.max(1, Number(text)))
    : 1;
}

async function digest(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return btoa(String.fromCharCode(...hash));
}
