/**
 * What the thread that owns the sockets and the threads that look into
 * repositories say to each other. Everything here can be cloned.
 *
 * @module
 */

import {
  GitsrvError,
  messageOf,
  ProtocolError,
  RefusedError,
  StorageError,
} from "../core/errors.ts";
import type { LogFields, LogLevel } from "../core/logger.ts";
import type { PlaceCells } from "../core/shared_places.ts";
import type { Errand } from "../service/errand.ts";
import type { ErrorChannel } from "../service/failure.ts";
import type {
  PushEventName,
  PushFacts,
  PushVerdict,
} from "../service/receive_pack/push_events.ts";
import type {
  Caller,
  ProtocolVersion,
  ServiceLimits,
  SessionTerms,
} from "../service/types.ts";
import type { RepositoryAddress, SnapshotWeight } from "../storage/types.ts";
import type { SharedValue } from "./shared_values.ts";

/** An errand as it travels. */
export interface ErrandOrder {
  /** What is to be done. */
  readonly errand: Errand;
  /** In which repository. */
  readonly address: RepositoryAddress;
  /** The version that the peer speaks. */
  readonly protocol: ProtocolVersion;
  /** What is left of the bounds. */
  readonly limits: ServiceLimits;
  /** What `agent=` says. */
  readonly agent: string;
  /** What was settled for the session. */
  readonly terms: SessionTerms;
  /** The repository's path as the client has named it. */
  readonly path?: string;
  /** Who asks, as far as that is known. */
  readonly caller?: Caller;
  /** Who the peer is. */
  readonly peer: string;
  /** The peer's address. */
  readonly peerAddress: string;
  /** Events of pushes that somebody listens to here. */
  readonly heard: readonly PushEventName[];
  /** Bytes of the peer that were received and not read. */
  readonly received: Uint8Array;
  /** `have`s of the session so far. */
  readonly haves: number;
  /** Its rounds of negotiation so far. */
  readonly rounds: number;
  /** The repository is to be weighed when the errand is done. */
  readonly weigh: boolean;
}

/** How a conversation stands when its errand has ended. */
export interface ErrandState {
  /** How the peer can be told of an error. */
  readonly channel: ErrorChannel;
  /** `have`s of the session so far. */
  readonly haves: number;
  /** Its rounds of negotiation so far. */
  readonly rounds: number;
}

/** What bounds one thread. */
export interface ThreadSettings {
  /** Bytes of memory that all threads share. */
  readonly sharedBytes: number;
  /** Bytes of ref listings that it keeps. */
  readonly answerCacheBytes: number;
}

/** To a thread. */
export type ToWorker =
  /** Comes first, and once. */
  | {
    readonly type: "settings";
    readonly settings: ThreadSettings;
    /** Its number, above zero. */
    readonly thread: number;
    /** Places for those who help threads with large packs. */
    readonly helpers: PlaceCells;
  }
  | { readonly type: "prepare"; readonly address: RepositoryAddress }
  /** Another thread has read this. */
  | { readonly type: "share"; readonly shared: SharedValue }
  | { readonly type: "forget"; readonly names: readonly string[] }
  | { readonly type: "start"; readonly id: number; readonly order: ErrandOrder }
  /** Bytes of the peer, none at its end; the answer to one "read". */
  | {
    readonly type: "input";
    readonly id: number;
    readonly bytes: Uint8Array;
    /** The read was given up by "hold": there may be more. */
    readonly isGivenUp?: boolean;
  }
  /** One "write" has gone out; its buffer comes back. */
  | {
    readonly type: "written";
    readonly id: number;
    readonly buffer: ArrayBuffer;
  }
  /** What the listeners have made of one "tell". */
  | {
    readonly type: "told";
    readonly id: number;
    readonly ask: number;
    readonly verdict: PushVerdict;
  }
  | { readonly type: "abort"; readonly id: number; readonly reason: Failure };

/** From a thread. */
export type FromWorker =
  /** It is up. */
  | { readonly type: "ready" }
  /** It has read something that others can use. */
  | { readonly type: "share"; readonly shared: SharedValue }
  | {
    readonly type: "write";
    readonly id: number;
    readonly buffer: ArrayBuffer;
    readonly length: number;
    readonly channel: ErrorChannel;
  }
  | {
    readonly type: "read";
    readonly id: number;
    readonly length: number;
    /** A peer that is waited for is told of an error by this. */
    readonly channel: ErrorChannel;
  }
  /** Reads that are under way are not waited for. */
  | { readonly type: "hold"; readonly id: number }
  /** An event of a push; "told" answers it. */
  | {
    readonly type: "tell";
    readonly id: number;
    readonly ask: number;
    readonly event: PushEventName;
    readonly facts: PushFacts;
  }
  | {
    readonly type: "end";
    readonly id: number;
    readonly state: ErrandState;
    readonly failure?: Failure;
    /** Where it was to be weighed and could be. */
    readonly weight?: SnapshotWeight;
  }
  | {
    readonly type: "log";
    /** The errand it concerns; 0 for none in particular. */
    readonly id: number;
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: LogFields;
  };

/** An error without its class. */
export interface Failure {
  /** The name of its class. */
  readonly name: string;
  /** The code of one of ours. */
  readonly code: string;
  /** Its message. */
  readonly message: string;
  /** The message of its cause. */
  readonly cause?: string;
  /** Where a bug is. */
  readonly stack?: string;
}

type ErrorClass = new (
  code: string,
  message: string,
  options?: ErrorOptions,
) => GitsrvError;

const CLASSES: Readonly<Record<string, ErrorClass>> = {
  ProtocolError,
  RefusedError,
  StorageError,
};

/** What can be cloned of anything that was thrown. */
export function packFailure(error: unknown): Failure {
  const message = messageOf(error);
  if (!(error instanceof GitsrvError)) {
    const stack = error instanceof Error ? error.stack : undefined;
    return { name: "Error", code: "", message, ...(stack && { stack }) };
  }
  const { name, code, cause } = error;
  return {
    name,
    code,
    message,
    ...(cause === undefined ? {} : { cause: messageOf(cause) }),
  };
}

/** An error of the same class, code and words as the one that was packed. */
export function unpackFailure(failure: Failure): Error {
  const { name, code, message, cause, stack } = failure;
  const options = cause === undefined ? {} : { cause: new Error(cause) };
  const known = CLASSES[name];
  if (known !== undefined) return new known(code, message, options);
  const error = new Error(message, options);
  if (stack !== undefined) error.stack = stack;
  return error;
}
