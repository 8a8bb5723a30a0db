/**
 * Stand-ins for what a session is given: a connection whose peer is a script,
 * a backend of one repository, a log that is kept.
 *
 * @module
 */

import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import { RefusedError } from "../../../src/core/errors.ts";
import type { Connection, Listener } from "../../../src/core/host.ts";
import type { Logger } from "../../../src/core/logger.ts";
import type { Kernels } from "../../../src/kernels/types.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../src/server/limits.ts";
import { Seats } from "../../../src/server/seats.ts";
import type { ServiceRow } from "../../../src/server/services.ts";
import type { SessionContext } from "../../../src/server/session_context.ts";
import { GIT_TERMS } from "../../../src/service/types.ts";
import type { ConfigView, Repository } from "../../../src/storage/types.ts";

/** The server's end of a connection whose other end the test holds. */
export class FakeConnection implements Connection {
  readonly peer = "192.0.2.7:4711";
  readonly address = "192.0.2.7";
  sent = 0;
  /** What was written, a binary string. */
  written = "";
  hasSentEnd = false;
  isClosed = false;
  #input: Uint8Array[] = [];
  #hasEnded = false;
  #failure: Error | undefined;
  #wake = Promise.withResolvers<void>();
  /** While true, writes wait. */
  isStuck = false;

  /** The peer sends a binary string. */
  send(text: string): this {
    if (text !== "") this.#input.push(fromBinary(text));
    return this.#stir();
  }

  /** The peer sends FIN. */
  end(): this {
    this.#hasEnded = true;
    return this.#stir();
  }

  /** The peer resets. */
  reset(): this {
    this.#failure = new Error("ECONNRESET");
    return this.#stir();
  }

  /** Resolves when the server has closed. */
  async closed(): Promise<void> {
    while (!this.isClosed) await this.#wake.promise;
  }

  async read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
    for (;;) {
      signal?.throwIfAborted();
      const head = this.#input[0];
      if (head !== undefined) {
        const count = Math.min(head.length, into.length);
        into.set(head.subarray(0, count));
        if (count < head.length) this.#input[0] = head.subarray(count);
        else this.#input.shift();
        return count;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.isClosed) throw new Error("closed");
      if (this.#hasEnded) return 0;
      await this.#stirred(signal);
    }
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.isClosed) throw new Error("closed");
    while (this.isStuck) {
      await this.#stirred(signal);
      signal?.throwIfAborted();
    }
    this.written += toBinary(bytes);
    this.sent += bytes.length;
  }

  closeWrite(): Promise<void> {
    this.hasSentEnd = true;
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#stir();
  }

  #stir(): this {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
    return this;
  }

  async #stirred(signal?: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    const abort = () => aborted.resolve();
    signal?.addEventListener("abort", abort, { once: true });
    await Promise.race([this.#wake.promise, aborted.promise]);
    signal?.removeEventListener("abort", abort);
  }
}

/** A listener that is handed its connections. */
export class FakeListener implements Listener {
  readonly hostname = "192.0.2.1";
  readonly port = 9418;
  isClosed = false;
  #queue: Connection[] = [];
  #wake = Promise.withResolvers<void>();

  /** One more peer connects. */
  connect(): FakeConnection {
    const connection = new FakeConnection();
    this.#queue.push(connection);
    this.#wake.resolve();
    return connection;
  }

  async accept(): Promise<Connection | undefined> {
    for (;;) {
      const connection = this.#queue.shift();
      if (connection !== undefined) return connection;
      if (this.isClosed) return undefined;
      this.#wake = Promise.withResolvers<void>();
      await this.#wake.promise;
    }
  }

  close(): void {
    this.isClosed = true;
    this.#wake.resolve();
  }
}

/** A log that keeps its lines as "level message". */
export class KeptLog implements Logger {
  readonly lines: string[] = [];
  log(level: string, message: string): void {
    this.lines.push(`${level} ${message}`);
  }
}

/** A configuration of booleans. */
export function fakeConfig(
  booleans: Readonly<Record<string, boolean>> = {},
): ConfigView {
  return {
    get: () => undefined,
    all: () => [],
    boolean: (key) => booleans[key],
    integer: () => undefined,
    entries: () => [],
  };
}

/** What sessions share: one repository "/a.git" and a service that echoes. */
export function fakeContext(
  changes: {
    readonly limits?: Partial<Limits>;
    readonly services?: readonly ServiceRow[];
    readonly config?: Readonly<Record<string, boolean>>;
    readonly openRepository?: (path: string) => Promise<Repository>;
    readonly informativeErrors?: boolean;
    readonly logger?: Logger;
  } = {},
): SessionContext {
  const repository = { config: fakeConfig(changes.config) } as Repository;
  const limits = { ...DEFAULT_LIMITS, ...changes.limits };
  return {
    backend: {
      openRepository: changes.openRepository ??
        ((path) =>
          path === "/a.git" ? Promise.resolve(repository) : Promise.reject(
            new RefusedError("no-such-repository", `no '${path}'`),
          )),
    },
    services: changes.services ?? [fakeService()],
    limits,
    seats: new Seats(limits.maxConnections),
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      turn: () => Promise.resolve(),
    },
    logger: changes.logger ?? new KeptLog(),
    kernels: {} as Kernels,
    agent: "gitsrv/test",
    terms: GIT_TERMS,
    informativeErrors: changes.informativeErrors ?? false,
  };
}

/** upload-pack, which says its version and reads to the end. */
export function fakeService(changes: Partial<ServiceRow> = {}): ServiceRow {
  return {
    name: "upload-pack",
    configKey: "daemon.uploadpack",
    httpKey: "http.uploadpack",
    isEnabled: true,
    isOverridable: true,
    run: async ({ connection, protocol, signal }) => {
      await connection.write(fromBinary(`served v${protocol};`), signal);
      const into = new Uint8Array(100);
      for (;;) {
        const count = await connection.read(into, signal);
        if (count === 0) return;
        await connection.write(into.subarray(0, count), signal);
      }
    },
    ...changes,
  };
}

/** A packet: four digits and the text, a binary string. */
export function pkt(text: string): string {
  return (text.length + 4).toString(16).padStart(4, "0") + text;
}
