/**
 * Threads in the test's own thread, and a peer for the sessions that use them.
 *
 * @module
 */

import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import type {
  Connection,
  MessagePortLike,
  WorkerHandlers,
} from "../../../src/core/host.ts";
import { NATIVE } from "../../../src/kernels/native/kernels.ts";
import type { ToWorker } from "../../../src/server/errand_messages.ts";
import {
  ErrandHost,
  type ErrandHostOptions,
} from "../../../src/server/errand_host.ts";
import { ErrandPool } from "../../../src/server/errand_pool.ts";
import type { Repository } from "../../../src/storage/types.ts";
import { CLOCK } from "../service/talk.ts";
import { KeptLog } from "./fakes.ts";

/** Threads that are none: messages are cloned, and taken a turn later. */
export class FakeThreads {
  started = 0;
  orders = 0;
  readonly log = new KeptLog();
  readonly handlers: WorkerHandlers[] = [];
  readonly hosts: ErrandHost[] = [];
  /** Set to have the next thread fail in place of coming up. */
  fails = false;
  readonly pool: ErrandPool;
  /** Where a thread's hooks come from. */
  hooks: ErrandHostOptions["hooks"];

  /** A pool of `size` threads to which every address is `repository`. */
  constructor(repository: Repository, size = 1) {
    this.pool = new ErrandPool({
      size,
      helpers: 1,
      settings: { answerCacheBytes: 1 << 20, sharedBytes: 1000 },
      clock: CLOCK,
      logger: this.log,
      start: (handlers) => this.#start(handlers, repository),
    });
  }

  #start(handlers: WorkerHandlers, repository: Repository): MessagePortLike {
    this.started++;
    this.handlers.push(handlers);
    let isOpen = true;
    const host = new ErrandHost({
      open: () => Promise.resolve(repository),
      kernels: NATIVE,
      clock: CLOCK,
      ...(this.hooks === undefined ? {} : { hooks: this.hooks }),
      port: {
        post(message, transfer = []) {
          const clone = structuredClone(message, { transfer });
          queueMicrotask(() => isOpen && handlers.onMessage(clone));
        },
      },
    });
    this.hosts.push(host);
    const { fails } = this;
    queueMicrotask(() => {
      if (fails) handlers.onError("no such module");
      else handlers.onMessage({ type: "ready" });
    });
    return {
      post: (message, transfer = []) => {
        const clone = structuredClone(message, { transfer }) as ToWorker;
        if (clone.type === "start") this.orders++;
        queueMicrotask(() => isOpen && host.take(clone));
      },
      close() {
        isOpen = false;
      },
    };
  }
}

/** A peer that says everything at once and takes what it is let to. */
export class Peer implements Connection {
  readonly peer = "test";
  readonly address = "";
  readonly said: Uint8Array[] = [];
  offered = 0;
  /** Writes wait for this. */
  gate: Promise<void> = Promise.resolve();
  onWrite: () => void = () => {};
  #input: Uint8Array;

  /** A peer that says `input`, a binary string, and nothing more. */
  constructor(input: string) {
    this.#input = fromBinary(input);
  }

  read(into: Uint8Array): Promise<number> {
    const count = Math.min(into.length, 7, this.#input.length);
    into.set(this.#input.subarray(0, count));
    this.#input = this.#input.subarray(count);
    return Promise.resolve(count);
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    this.offered += bytes.length;
    const copy = bytes.slice();
    this.onWrite();
    signal?.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    signal?.addEventListener("abort", () => aborted.reject(signal.reason));
    aborted.promise.catch(() => {});
    await Promise.race([this.gate, aborted.promise]);
    this.said.push(copy);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}

  get text(): string {
    return this.said.map((each) => toBinary(each)).join("");
  }
}
