/**
 * A push that another thread carries out, ended at each moment: what it began
 * is put away, and refs name nothing that is not there.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fromBinary } from "../../../src/core/bytes.ts";
import { RefusedError } from "../../../src/core/errors.ts";
import type { Connection } from "../../../src/core/host.ts";
import { NATIVE } from "../../../src/kernels/native/kernels.ts";
import { receivePack } from "../../../src/service/receive_pack/service.ts";
import { GIT_TERMS } from "../../../src/service/types.ts";
import type { Repository } from "../../../src/storage/types.ts";
import { describe, it } from "../../support/test.ts";
import {
  CAPABILITIES,
  packOf,
  push,
  PushWorld,
  requestOf,
} from "../service/push_world.ts";
import { CLOCK, LIMITS } from "../service/talk.ts";
import { FakeThreads } from "./fake_threads.ts";
import { KeptLog } from "./fakes.ts";

const ADDRESS = {
  ...{ path: "/r", gitDir: "/r", commonDir: "/r" },
  ...{ objectsDir: "/r/objects", gitfile: false },
};
const ZERO = "0".repeat(40);

/** A client that waits for the report, or one that says it is done. */
type End = "silent" | "closed";

/** What a peer does at each read and write: nothing, or it ends something. */
type OnCall = (verb: "read" | "write") => void;

function peer(input: string, onCall: OnCall, end: End): Connection {
  const bytes = fromBinary(input);
  let at = 0;
  const never = (signal?: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      if (signal?.aborted === true) reject(signal.reason);
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  return {
    peer: "test",
    address: "",
    async read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
      onCall("read");
      signal?.throwIfAborted();
      if (at === bytes.length && end === "silent") return await never(signal);
      const count = Math.min(into.length, 5, bytes.length - at);
      into.set(bytes.subarray(at, at + count));
      at += count;
      return count;
    },
    write(_: Uint8Array, signal?: AbortSignal): Promise<void> {
      onCall("write");
      signal?.throwIfAborted();
      return Promise.resolve();
    },
    closeWrite: () => Promise.resolve(),
    close() {},
  };
}

describe("a push in another thread", () => {
  it("is as one in this thread", async () => {
    const [here, away] = [world(), world()];
    const alone = await push(here.world, {
      commands: [[ZERO, here.tip, "refs/heads/main"]],
    });
    assert.equal(alone.error, undefined);
    const { error } = await run(away, () => {});
    assert.equal(error, undefined);
    assert.deepEqual(away.world.log, here.world.log);
    assert.equal(await away.world.ref("refs/heads/main"), away.tip);
  });

  it("ends at each read and write, and leaves nothing half done", async () => {
    const ends = new Set<string>();
    for (let n = 1;; n++) {
      const own = world();
      const ending = new AbortController();
      let calls = 0;
      const { error } = await run(own, () => {
        if (++calls === n) {
          ending.abort(new RefusedError("aborted", "the server is going"));
        }
      }, ending.signal);
      const { log } = own.world;
      const context = `call ${n}: ${log.join(", ")}`;
      const value = await own.world.ref("refs/heads/main");
      assert.ok(value === undefined || log.includes("publish"), context);
      assert.equal(log.includes("gone"), log.includes("open"), context);
      ends.add(log.join(","));
      if (calls < n) {
        assert.equal(error, undefined, context);
        assert.equal(value, own.tip, context);
        break;
      }
      if (error === undefined) continue;
      assert.ok(error instanceof RefusedError, context);
      assert.equal(error.code, "aborted", context);
    }
    // Before the pack, within it, and behind it.
    assert.ok(ends.size >= 3, [...ends].join("; "));
  });

  it("ends where its thread fails, whatever it is at", async () => {
    const own = world();
    own.world.bring = () => own.threads.handlers[0]?.onError("gone");
    const { signal } = new AbortController();
    const { error } = await run(own, () => {}, signal, "closed");
    assert.ok(error instanceof Error, `${error}`);
  });
});

interface Own {
  readonly world: PushWorld;
  readonly repository: Repository;
  readonly threads: FakeThreads;
  readonly tip: string;
}

function world(): Own {
  const world = new PushWorld();
  const tip = world.commit("one");
  const repository: Repository = Object.assign(world, {
    address: ADDRESS,
    outline: () => "1",
  });
  return { world, repository, threads: new FakeThreads(repository), tip };
}

/** Pushes, and waits until the thread has put everything away. */
async function run(
  { world, repository, threads, tip }: Own,
  onCall: OnCall,
  signal: AbortSignal = new AbortController().signal,
  end: End = "silent",
): Promise<{ error: unknown }> {
  const input = requestOf({
    commands: [[ZERO, tip, "refs/heads/main"]],
    capabilities: CAPABILITIES,
    pack: packOf(1),
  });
  let error: unknown;
  try {
    await receivePack({
      repository,
      connection: peer(input, onCall, end),
      protocol: 0,
      clock: CLOCK,
      logger: new KeptLog(),
      kernels: NATIVE,
      signal,
      limits: LIMITS,
      agent: "test/1",
      terms: { ...GIT_TERMS, stateless: true },
      errands: threads.pool,
    });
  } catch (caught) {
    error = caught;
  }
  assert.equal(threads.pool.active, 0);
  for (
    let turns = 0;
    turns < 1000 && world.log.includes("open") && !world.log.includes("gone");
    turns++
  ) {
    await CLOCK.turn();
  }
  return { error };
}
