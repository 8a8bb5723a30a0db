/**
 * A repository at a glance, for pages: taken by a thread where there are some,
 * and remembered for a few seconds.
 *
 * @module
 */

import { concatBytes, toUtf8 } from "../../core/bytes.ts";
import { RefusedError } from "../../core/errors.ts";
import type { Connection } from "../../core/host.ts";
import { Conversation } from "../../service/conversation.ts";
import {
  type Overview,
  type OverviewDetail,
  tellOverview,
} from "../../service/overview.ts";
import type { Repository } from "../../storage/types.ts";
import { termsOfSession } from "../session_ids.ts";
import type { Exchange } from "./types.ts";

/** More than an overview comes to. */
const MAX_BYTES = 64 * 1024;
/** One takes so long at most. */
const MAX_MS = 10_000;
const KEPT_MS = 5_000;
const MAX_KEPT = 1_000;

interface Kept {
  readonly overview: Promise<Overview>;
  readonly until: number;
}

/** Overviews of any repositories. */
export class Overviews {
  readonly #kept = new Map<string, Kept>();

  /** The overview of an opened repository. Rejects where it cannot be read. */
  of(
    exchange: Exchange,
    repository: Repository,
    path: string,
    detail: OverviewDetail,
  ): Promise<Overview> {
    const now = exchange.context.clock.monotonic();
    const key = `${detail} ${path}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > now) return kept.overview;
    this.#kept.delete(key);
    const overview = take(exchange, repository, path, detail);
    this.#kept.set(key, { overview, until: now + KEPT_MS });
    overview.catch(() => this.#kept.delete(key));
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) {
      this.#kept.delete(oldest);
    }
    return overview;
  }
}

async function take(
  { context, logger, peer }: Exchange,
  repository: Repository,
  path: string,
  detail: OverviewDetail,
): Promise<Overview> {
  // Others may wait for it, too: it does not end with this request.
  const ending = new AbortController();
  const timer = setTimeout(
    () => ending.abort(new RefusedError("timeout", "the look took too long")),
    MAX_MS,
  );
  const { errands, answers, closing } = context;
  const gathered = new Gathering(peer.peer);
  try {
    await tellOverview(
      new Conversation({
        repository,
        connection: gathered,
        protocol: 0,
        clock: context.clock,
        logger,
        kernels: context.kernels,
        signal: closing === undefined
          ? ending.signal
          : AbortSignal.any([ending.signal, closing]),
        limits: context.limits,
        agent: context.agent,
        terms: {
          ...termsOfSession(context, repository.config),
          ...{ stateless: true, advertiseOnly: true },
        },
        ...(errands === undefined ? {} : { errands }),
        ...(answers === undefined ? {} : { answers }),
        path,
      }),
      detail,
    );
    return JSON.parse(gathered.text()) as Overview;
  } finally {
    clearTimeout(timer);
  }
}

/** A connection that keeps what is written, and has nothing to read. */
class Gathering implements Connection {
  readonly peer: string;
  readonly address = "";
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  constructor(peer: string) {
    this.peer = peer;
  }

  text(): string {
    return toUtf8(concatBytes(this.#parts));
  }

  read(): Promise<number> {
    return Promise.resolve(0);
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.length;
    if (this.#size > MAX_BYTES) {
      return Promise.reject(new TypeError("An overview is too long"));
    }
    this.#parts.push(bytes.slice());
    return Promise.resolve();
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}
