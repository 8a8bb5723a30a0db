import assert from "node:assert/strict";
import {
  ProtocolError,
  RefusedError,
  StorageError,
} from "../../../src/core/errors.ts";
import type { Connection, WorkerHandlers } from "../../../src/core/host.ts";
import { NATIVE } from "../../../src/kernels/native/kernels.ts";
import {
  packFailure,
  unpackFailure,
} from "../../../src/server/errand_messages.ts";
import type { ErrandHost } from "../../../src/server/errand_host.ts";
import { LIGHT } from "../../../src/server/light_repositories.ts";
import type { Errands } from "../../../src/service/errand.ts";
import {
  GIT_TERMS,
  type ProtocolVersion,
  type Service,
} from "../../../src/service/types.ts";
import { uploadArchive } from "../../../src/service/upload_archive/service.ts";
import { uploadPack } from "../../../src/service/upload_pack/service.ts";
import { MemoryRepository } from "../../../src/storage/memory/memory_repository.ts";
import type { Repository, SnapshotWeight } from "../../../src/storage/types.ts";
import { describe, it } from "../../support/test.ts";
import { CLOCK, LIMITS, pkts } from "../service/talk.ts";
import { FakeThreads, Peer } from "./fake_threads.ts";
import { KeptLog } from "./fakes.ts";

/** Noise, so that a pack is no smaller than what it holds. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 0x2545f491;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

/** A repository with one commit of a file of `size` bytes. */
function repository(size = 100): { memory: MemoryRepository; tip: string } {
  const memory = new MemoryRepository({ kernels: NATIVE });
  const oid = memory.addBlob(noise(size));
  const tree = memory.addTree([{ mode: 0o100644, name: "noise", oid }]);
  const tip = memory.addCommit({
    tree,
    author: { name: "A", email: "a@example.com", time: 1_767_225_600 },
    message: "noise\n",
  });
  memory.setRef("refs/heads/main", tip);
  return { memory, tip };
}

/** The same repository, as one that other threads find. */
function addressed(
  memory: MemoryRepository,
  weight?: SnapshotWeight,
): Repository {
  return {
    format: memory.format,
    config: memory.config,
    address: {
      path: "/r",
      gitDir: "/r",
      commonDir: "/r",
      objectsDir: "/r/objects",
      gitfile: false,
    },
    outline: () => "1",
    async snapshot() {
      const snapshot = await memory.snapshot();
      return weight === undefined ? snapshot : {
        id: snapshot.id,
        refs: snapshot.refs,
        objects: snapshot.objects,
        shallow: snapshot.shallow,
        weight: () => weight,
        [Symbol.dispose]: () => snapshot[Symbol.dispose](),
      };
    },
  };
}

function serve(
  peer: Connection,
  repository: Repository,
  options: {
    readonly protocol: ProtocolVersion;
    readonly errands?: Errands;
    readonly signal?: AbortSignal;
    readonly service?: Service;
  },
): Promise<void> {
  const { protocol, errands, signal, service = uploadPack } = options;
  return service({
    repository,
    connection: peer,
    protocol,
    clock: CLOCK,
    logger: new KeptLog(),
    kernels: NATIVE,
    signal: signal ?? new AbortController().signal,
    limits: LIMITS,
    agent: "test/1",
    terms: GIT_TERMS,
    ...(errands === undefined ? {} : { errands }),
  });
}

function v2(...requests: string[][]): string {
  return requests.map((lines) => pkts(...lines)).join("") + "0000";
}

const FORMAT = "object-format=sha1";

function cloneOf(tip: string): string {
  return v2(
    ["command=ls-refs", FORMAT, "0001", "peel", "symrefs", "0000"],
    [
      ...["command=fetch", FORMAT, "0001", "ofs-delta", "no-progress"],
      ...[`want ${tip}`, "done", "0000"],
    ],
  );
}

describe("ErrandPool", () => {
  for (
    const [protocol, ask] of [
      [
        0,
        (tip: string) =>
          pkts(`want ${tip} side-band-64k ofs-delta no-progress`, "0000") +
          pkts(`have ${"1".repeat(40)}`, "0000", "done"),
      ],
      [2, cloneOf],
    ] as const
  ) {
    it(`answers v${protocol} with the bytes of a session without it`, async () => {
      const { memory, tip } = repository();
      const alone = new Peer(ask(tip));
      await serve(alone, memory, { protocol });
      const threads = new FakeThreads(addressed(memory));
      const helped = new Peer(ask(tip));
      await serve(helped, addressed(memory), {
        protocol,
        errands: threads.pool,
      });
      assert.equal(helped.text, alone.text);
      assert.equal(threads.orders, protocol === 0 ? 1 : 2);
      assert.equal(threads.started, 1);
      assert.equal(threads.pool.active, 0);
    });

    it(`tells v${protocol} of an error as a session without it`, async () => {
      const { memory } = repository();
      const absent = "1".repeat(40);
      const alone = new Peer(ask(absent));
      await assert.rejects(serve(alone, memory, { protocol }), /not our ref/);
      const threads = new FakeThreads(addressed(memory));
      const helped = new Peer(ask(absent));
      await assert.rejects(
        serve(helped, addressed(memory), { protocol, errands: threads.pool }),
        (error) =>
          error instanceof ProtocolError && error.code === "not-our-ref",
      );
      assert.equal(helped.text, alone.text);
    });
  }

  it("lets threads end what they have started when it is closed", async () => {
    const { memory, tip } = repository();
    const gate = Promise.withResolvers<void>();
    const slow: Repository = {
      ...addressed(memory),
      async snapshot() {
        await gate.promise;
        return await memory.snapshot();
      },
    };
    const threads = new FakeThreads(slow);
    const ending = new AbortController();
    const served = serve(new Peer(cloneOf(tip)), addressed(memory), {
      protocol: 2,
      errands: threads.pool,
      signal: ending.signal,
    });
    while (threads.orders === 0) await CLOCK.turn();
    ending.abort(new RangeError("closing"));
    await assert.rejects(served, RangeError);
    const states: string[] = [];
    const closed = threads.pool.close().then(() => states.push("closed"));
    for (let i = 0; i < 5; i++) await CLOCK.turn();
    states.push("ended");
    gate.resolve();
    await closed;
    assert.deepEqual(states, ["ended", "closed"]);
  });

  it("leaves repositories alone that only this thread has", async () => {
    const { memory, tip } = repository();
    const threads = new FakeThreads(memory);
    const peer = new Peer(cloneOf(tip));
    await serve(peer, memory, { protocol: 2, errands: threads.pool });
    assert.equal(threads.started, 0);
    assert.match(peer.text, /PACK/);
  });

  it("holds no more than a few writes for a peer that takes none", async () => {
    const size = 8 * 1024 * 1024;
    const { memory, tip } = repository(size);
    const shared = addressed(memory);
    const threads = new FakeThreads(shared);
    const peer = new Peer(cloneOf(tip));
    const isReading = Promise.withResolvers<void>();
    peer.onWrite = () => {
      // The pack has begun: from here on nothing is taken.
      if (peer.offered < 100_000) return;
      peer.gate = isReading.promise;
    };
    const served = serve(peer, shared, {
      protocol: 2,
      errands: threads.pool,
    });
    while (peer.offered < 100_000) await CLOCK.turn();
    // Whatever the thread would still make, it makes in these turns.
    for (let i = 0; i < 200; i++) await CLOCK.turn();
    const made = threads.pool.held;
    assert.ok(made <= 4 * 264 * 1024, `${made} bytes are held`);
    isReading.resolve();
    await served;
    assert.ok(peer.offered > size);
  });

  it("ends a session whose thread fails, and serves the next", async () => {
    const { memory, tip } = repository(1024 * 1024);
    const shared = addressed(memory);
    const threads = new FakeThreads(shared);
    const peer = new Peer(cloneOf(tip));
    peer.onWrite = () => {
      if (peer.offered > 100_000) threads.handlers[0]?.onError("out of memory");
    };
    await assert.rejects(
      serve(peer, shared, { protocol: 2, errands: threads.pool }),
      (error) =>
        error instanceof StorageError && error.code === "thread-failed",
    );
    assert.ok(peer.text.includes("\x03aborting due to possible repository"));
    assert.match(threads.log.lines.join("\n"), /a thread failed: out of memo/);
    const next = new Peer(cloneOf(tip));
    await serve(next, shared, { protocol: 2, errands: threads.pool });
    assert.equal(threads.started, 2);
    assert.equal(threads.pool.active, 0);
  });

  it("hears nothing of a thread in whose place another was started", async () => {
    const { memory, tip } = repository(1024 * 1024);
    const shared = addressed(memory);
    const threads = new FakeThreads(shared);
    await serve(new Peer(cloneOf(tip)), shared, {
      protocol: 2,
      errands: threads.pool,
    });
    const [old] = threads.handlers as [WorkerHandlers];
    old.onError("out of memory");
    const peer = new Peer(cloneOf(tip));
    peer.onWrite = () => {
      if (peer.offered > 100_000) old.onError("out of memory, once more");
    };
    await serve(peer, shared, { protocol: 2, errands: threads.pool });
    assert.equal(threads.started, 2);
    assert.ok(peer.offered > 1024 * 1024);
  });

  it("ends a session whose thread fails while the peer is silent", async () => {
    const { memory, tip } = repository();
    const shared = addressed(memory);
    const threads = new FakeThreads(shared);
    const peer = new Peer(pkts(`want ${tip} side-band-64k`, "0000"));
    const read = peer.read.bind(peer);
    peer.read = async (into) => {
      const count = await read(into);
      if (count > 0) return count;
      threads.handlers[0]?.onError("out of memory");
      return await new Promise<number>(() => {});
    };
    await assert.rejects(
      serve(peer, shared, { protocol: 0, errands: threads.pool }),
      (error) =>
        error instanceof StorageError && error.code === "thread-failed",
    );
  });

  it("goes on without threads that do not come up", async () => {
    const { memory, tip } = repository();
    const shared = addressed(memory);
    const threads = new FakeThreads(shared);
    threads.fails = true;
    for (let i = 0; i < 5; i++) {
      const peer = new Peer(cloneOf(tip));
      await serve(peer, shared, { protocol: 2, errands: threads.pool });
      assert.match(peer.text, /PACK/);
    }
    assert.equal(threads.orders, 0);
    // A clone has two errands, and some come while a start is under way.
    assert.ok(threads.started <= 4, `${threads.started} starts`);
    assert.match(threads.log.lines.join("\n"), /Cannot start a thread/);
  });

  it("ends with the session's reason when that is aborted", async () => {
    const { memory, tip } = repository(1024 * 1024);
    const shared = addressed(memory);
    const threads = new FakeThreads(shared);
    const ending = new AbortController();
    const peer = new Peer(cloneOf(tip));
    peer.onWrite = () => {
      if (peer.offered < 100_000) return;
      peer.gate = new Promise(() => {});
      ending.abort(new RefusedError("aborted", "the server is going"));
    };
    await assert.rejects(
      serve(peer, shared, {
        protocol: 2,
        errands: threads.pool,
        signal: ending.signal,
      }),
      (error) => error instanceof RefusedError && error.code === "aborted",
    );
    assert.equal(threads.pool.active, 0);
  });

  it("leaves archives to threads, however light the repository", async () => {
    const { memory } = repository();
    const weight = { objects: 3, bytes: 1000, refs: 1 };
    const shared = addressed(memory, weight);
    const threads = new FakeThreads(shared);
    for (let i = 0; i < 2; i++) {
      const peer = new Peer(pkts("argument main\n", "0000"));
      const options = { protocol: 0, errands: threads.pool } as const;
      await serve(peer, shared, { ...options, service: uploadArchive });
      assert.match(peer.text, /noise/);
    }
    assert.equal(threads.orders, 2);
  });

  it("looks into light repositories itself, once they were weighed", async () => {
    const { memory, tip } = repository();
    for (const [objects, orders] of [[LIGHT.objects, 1], [4097, 4]] as const) {
      const shared = addressed(memory, { objects, bytes: 1000, refs: 1 });
      const threads = new FakeThreads(shared);
      for (let i = 0; i < 2; i++) {
        const peer = new Peer(cloneOf(tip));
        await serve(peer, shared, { protocol: 2, errands: threads.pool });
        assert.match(peer.text, /PACK/);
      }
      assert.equal(threads.orders, orders, `${objects} objects`);
    }
  });

  it("spreads the errands of one repository over its threads", async () => {
    const { memory, tip } = repository(1024 * 1024);
    const shared = addressed(memory);
    const threads = new FakeThreads(shared, 2);
    const all = Array.from({ length: 4 }, () => new Peer(cloneOf(tip)));
    await Promise.all(
      all.map((peer) =>
        serve(peer, shared, { protocol: 2, errands: threads.pool })
      ),
    );
    assert.equal(threads.started, 2);
    assert.equal(new Set(all.map((peer) => peer.text)).size, 1);
  });
});

describe("The log of threads", () => {
  it("has a repository's complaint once, and every line of sessions", async () => {
    const { memory, tip } = repository(1024 * 1024);
    const shared = addressed(memory);
    const threads = new FakeThreads(shared, 2);
    const all = Array.from({ length: 4 }, () => new Peer(cloneOf(tip)));
    await Promise.all(
      all.map((peer) =>
        serve(peer, shared, { protocol: 2, errands: threads.pool })
      ),
    );
    assert.equal(threads.handlers.length, 2);
    const line = { type: "log", id: 0, level: "warn", message: "stale graph" };
    for (let i = 0; i < 3; i++) {
      for (const { onMessage } of threads.handlers) {
        onMessage({ ...line, fields: { repository: "/a" } });
        onMessage({ ...line, fields: { repository: "/b" } });
        onMessage({ ...line, level: "error", fields: {} });
      }
    }
    assert.deepEqual(threads.log.lines.toSorted(), [
      ...Array.from({ length: 6 }, () => "error stale graph"),
      ...["warn stale graph", "warn stale graph"],
    ]);
  });

  it("forgets complaints rather than keep more of them than a bound", async () => {
    const { memory, tip } = repository();
    const shared = addressed(memory);
    const threads = new FakeThreads(shared);
    const peer = new Peer(cloneOf(tip));
    await serve(peer, shared, { protocol: 2, errands: threads.pool });
    const [{ onMessage }] = threads.handlers as [WorkerHandlers];
    const complain = (i: number): void =>
      onMessage({
        ...{ type: "log", id: 0, level: "warn", message: `${i}` },
        fields: { repository: "/a" },
      });
    for (let i = 0; i < 1000; i++) complain(i);
    complain(0);
    assert.equal(threads.log.lines.length, 1000);
    complain(1000);
    complain(0);
    assert.equal(threads.log.lines.length, 1002);
  });
});

describe("what threads share", () => {
  it("reaches those that run and those that start later, within bounds", async () => {
    const { memory, tip } = repository(1024 * 1024);
    const shared = addressed(memory);
    const threads = new FakeThreads(shared, 3);
    const clone = () =>
      serve(new Peer(cloneOf(tip)), shared, {
        protocol: 2,
        errands: threads.pool,
      });
    await Promise.all([clone(), clone()]);
    const [first, second] = threads.hosts as [ErrandHost, ErrandHost];
    const buffer = new SharedArrayBuffer(8);
    new Uint8Array(buffer)[0] = 7;
    first.share({ name: "a", bytes: 600, value: { buffer } });
    await CLOCK.turn();
    const got = second.shared("a") as { readonly buffer: SharedArrayBuffer };
    new Uint8Array(buffer)[1] = 9;
    // The same memory, not a copy.
    assert.deepEqual([...new Uint8Array(got.buffer).subarray(0, 2)], [7, 9]);
    await Promise.all([clone(), clone(), clone()]);
    const third = threads.hosts[2] as ErrandHost;
    assert.notEqual(third.shared("a"), undefined);
    third.share({ name: "large", bytes: 1001, value: 1 });
    assert.equal(third.shared("large"), undefined);
    third.share({ name: "b", bytes: 600, value: 1 });
    await CLOCK.turn();
    for (const host of threads.hosts) {
      assert.equal(host.shared("a"), undefined);
      assert.equal(host.shared("b"), 1);
    }
  });

  it("has so many places for helpers, also after a thread has failed", async () => {
    const { memory, tip } = repository(1024 * 1024);
    const shared = addressed(memory);
    const threads = new FakeThreads(shared, 2);
    const clone = () =>
      serve(new Peer(cloneOf(tip)), shared, {
        protocol: 2,
        errands: threads.pool,
      });
    await Promise.all([clone(), clone()]);
    const [first, second] = threads.hosts as [ErrandHost, ErrandHost];
    assert.notEqual(first.helperPlaces?.take(), undefined);
    assert.equal(second.helperPlaces?.take(), undefined);
    threads.handlers[0]?.onError("out of memory");
    assert.notEqual(second.helperPlaces?.take(), undefined);
    assert.equal(first.helperPlaces?.take(), undefined);
  });
});

describe("packFailure", () => {
  it("keeps class, code, words and the cause's words", () => {
    for (const ErrorClass of [ProtocolError, RefusedError, StorageError]) {
      const error = new ErrorClass("some-code", "words", {
        cause: new Error("why"),
      });
      const back = unpackFailure(structuredClone(packFailure(error)));
      assert.equal(back.constructor, ErrorClass);
      assert.equal((back as ProtocolError).code, "some-code");
      assert.equal(back.message, "words");
      assert.equal((back.cause as Error).message, "why");
    }
  });

  it("keeps the stack of a bug", () => {
    const bug = new TypeError("undefined is not a function");
    const back = unpackFailure(structuredClone(packFailure(bug)));
    assert.equal(back.message, bug.message);
    assert.equal(back.stack, bug.stack);
  });
});
