/**
 * A whole conversation with a service in memory: what the client says is
 * given at once or step by step, and every byte of the answer is kept.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import type { Clock, Connection } from "../../../src/core/host.ts";
import { type Logger, SILENT } from "../../../src/core/logger.ts";
import type { ObjectFormat } from "../../../src/core/oid.ts";
import type { Kernels } from "../../../src/kernels/types.ts";
import {
  GIT_TERMS,
  type ProtocolVersion,
  type Service,
  type ServiceContext,
  type ServiceLimits,
  type SessionTerms,
} from "../../../src/service/types.ts";
import { uploadPack } from "../../../src/service/upload_pack/service.ts";
import type { Repository } from "../../../src/storage/types.ts";

/** Generous limits. */
export const LIMITS: ServiceLimits = {
  maxWants: 1000,
  maxHaves: 1000,
  maxRounds: 100,
  maxShallow: 1000,
  maxRequestBytes: 1 << 24,
  sliceMs: 10,
  keepAliveMs: 5000,
  hookMs: 0,
};

/** The clock of the machine. */
export const CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  turn: () => new Promise((resolve) => setTimeout(resolve, 0)),
};

/** A clock on which every look takes `stepMs`. */
export function steppingClock(stepMs: number): Clock {
  let now = 0;
  return {
    now: () => now += stepMs,
    monotonic: () => now += stepMs,
    turn: () => Promise.resolve(),
  };
}

/** Kernels of which services use the hash alone. */
export const KERNELS = {
  label: "test",
  hash(format: ObjectFormat) {
    const hash = createHash(format.name);
    return {
      update: (bytes: Uint8Array): void => {
        hash.update(bytes);
      },
      digest: () => new Uint8Array(hash.digest()),
    };
  },
} as unknown as Kernels;

/** What a test may set of a session. */
export interface TalkOptions {
  /** The protocol version; 0 unless told. */
  readonly protocol?: ProtocolVersion;
  /** Limits that differ from {@linkcode LIMITS}. */
  readonly limits?: Partial<ServiceLimits>;
  /** The clock; the machine's unless told. */
  readonly clock?: Clock;
  /** What was settled beyond {@linkcode GIT_TERMS}. */
  readonly terms?: Partial<SessionTerms>;
  /** The log; a silent one unless told. */
  readonly logger?: Logger;
  /** Bytes per read; everything at once unless told. */
  readonly chunk?: number;
  /** Ends the session. */
  readonly signal?: AbortSignal;
  /** The service; upload-pack unless told. */
  readonly service?: Service;
  /** The kernels; a hash alone unless told. */
  readonly kernels?: Kernels;
}

/** What came of a conversation. */
export interface Talk {
  /** Every byte that the service sent, as a binary string. */
  readonly said: string;
  /** How many writes it took. */
  readonly writes: number;
  /** What the service threw. */
  readonly error: unknown;
}

/** Says `input` (a binary string) to a service and hears its answer. */
export async function talk(
  repository: Repository,
  input: string,
  options: TalkOptions = {},
): Promise<Talk> {
  const bytes = fromBinary(input);
  const chunk = options.chunk ?? Infinity;
  const said: Uint8Array[] = [];
  let at = 0;
  const connection: Connection = {
    peer: "test",
    address: "",
    read(into, signal) {
      signal?.throwIfAborted();
      const count = Math.min(into.length, chunk, bytes.length - at);
      into.set(bytes.subarray(at, at + count));
      at += count;
      return Promise.resolve(count);
    },
    write(part, signal) {
      signal?.throwIfAborted();
      said.push(part.slice());
      return Promise.resolve();
    },
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  const context: ServiceContext = {
    repository,
    connection,
    protocol: options.protocol ?? 0,
    clock: options.clock ?? CLOCK,
    logger: options.logger ?? SILENT,
    kernels: options.kernels ?? KERNELS,
    signal: options.signal ?? new AbortController().signal,
    limits: { ...LIMITS, ...options.limits },
    agent: "test/1",
    terms: { ...GIT_TERMS, ...options.terms },
  };
  let error: unknown;
  try {
    await (options.service ?? uploadPack)(context);
  } catch (caught) {
    error = caught;
  }
  return {
    said: toBinary(Buffer.concat(said)),
    writes: said.length,
    error,
  };
}

/** One packet. */
export function pkt(payload: string): string {
  return (payload.length + 4).toString(16).padStart(4, "0") + payload;
}

/** Packets; "0000" and "0001" are themselves. */
export function pkts(...payloads: readonly string[]): string {
  return payloads.map((each) =>
    each === "0000" || each === "0001" ? each : pkt(each)
  ).join("");
}

/** Splits an answer: payloads as text, special packets as their digits. */
export function unpkt(said: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < said.length;) {
    const digits = said.slice(at, at + 4);
    const length = parseInt(digits, 16);
    if (Number.isNaN(length)) return [...found, said.slice(at)];
    found.push(length < 4 ? digits : said.slice(at + 4, at + length));
    at += Math.max(4, length);
  }
  return found;
}
