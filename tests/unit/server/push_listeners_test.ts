import assert from "node:assert/strict";
import { RefusedError } from "../../../src/core/errors.ts";
import { type Oid, SHA1 } from "../../../src/core/oid.ts";
import type { RefName } from "../../../src/core/ref_name.ts";
import { NATIVE } from "../../../src/kernels/native/kernels.ts";
import { eventHooks } from "../../../src/service/receive_pack/event_hooks.ts";
import {
  callbackListeners,
  type PushCallbacks,
  type PushEvent,
} from "../../../src/service/receive_pack/push_events.ts";
import type { PushHooks } from "../../../src/service/receive_pack/push_hooks.ts";
import { GIT_TERMS } from "../../../src/service/types.ts";
import { uploadPack } from "../../../src/service/upload_pack/service.ts";
import { MemoryRepository } from "../../../src/storage/memory/memory_repository.ts";
import type { Repository } from "../../../src/storage/types.ts";
import { toBinary } from "../../../src/core/bytes.ts";
import { describe, it } from "../../support/test.ts";
import { CLOCK, LIMITS } from "../service/talk.ts";
import { FakeThreads, Peer } from "./fake_threads.ts";
import { KeptLog } from "./fakes.ts";

const REF = {
  name: "refs/heads/\xe9" as RefName,
  old: SHA1.zero,
  new: "1".repeat(40) as Oid,
};

/** What is asked in a thread, in place of a push. */
type Ask = (hooks: PushHooks, said: string[]) => Promise<void>;

/** Has `ask` asked in a thread of a session here that has these callbacks. */
async function inThread(
  callbacks: PushCallbacks,
  ask: Ask,
  ending = new AbortController(),
): Promise<{ said: string[]; log: string[] }> {
  const memory = new MemoryRepository({ kernels: NATIVE });
  const said: string[] = [];
  let asked: Promise<void> | undefined;
  // An errand looks at its repository: here, when all is asked.
  const repository: Repository = {
    format: memory.format,
    config: memory.config,
    address: {
      ...{ path: "/srv/r", gitDir: "/r", commonDir: "/r" },
      ...{ objectsDir: "/r/objects", gitfile: false },
    },
    outline: () => "1",
    async snapshot() {
      await asked;
      return await memory.snapshot();
    },
  };
  const threads = new FakeThreads(repository);
  const log = new KeptLog();
  const open = () => Promise.reject(new Error("no push here"));
  threads.hooks = (listeners) => {
    const context = {
      repository,
      connection: { peer: "?", address: "?" },
      path: "/r",
      signal: ending.signal,
      logger: log,
    } as unknown as Parameters<typeof eventHooks>[0];
    asked = ask(eventHooks(context, listeners), said);
    asked.catch(() => {});
    return { open, listeners };
  };
  const listeners = callbackListeners(callbacks, 0);
  const peer = new Peer("0000");
  await uploadPack({
    repository,
    connection: peer,
    protocol: 0,
    clock: CLOCK,
    logger: log,
    kernels: NATIVE,
    signal: ending.signal,
    limits: LIMITS,
    agent: "test/1",
    terms: GIT_TERMS,
    errands: threads.pool,
    hooks: { open, ...(listeners === undefined ? {} : { listeners }) },
  });
  assert.equal(threads.orders, 1);
  await asked;
  return { said, log: log.lines };
}

const output = (said: string[]) => (bytes: Uint8Array) => {
  said.push(toBinary(bytes));
  return Promise.resolve();
};

describe("callbacks of a push whose conversation another thread has", () => {
  it("hear of it, and are heard", async () => {
    const events: PushEvent[] = [];
    const { said, log } = await inThread({
      onPreReceive: async (event) => {
        await CLOCK.turn();
        events.push(event);
      },
      onUpdate() {
        throw new RefusedError("mine", "not that one");
      },
    }, async (hooks, said) => {
      const push = { refs: [REF], options: ["a"] };
      assert.ok(await hooks.preReceive(push, {}, output(said)));
      assert.ok(await hooks.update?.(REF, output(said)) === false);
    });
    assert.deepEqual(said, ["not that one\n"]);
    assert.deepEqual(log, []);
    assert.deepEqual(
      events.map(({ refs, options, repository }) => ({
        ...{ refs, options, repository },
      })),
      [{ refs: [REF], options: ["a"], repository: "/srv/r" }],
    );
  });

  it("are not asked for what they do not hear", async () => {
    const { said } = await inThread({ onPostReceive() {} }, async (hooks) => {
      assert.equal(hooks.update, undefined);
      assert.ok(await hooks.preReceive({ refs: [REF] }, {}, output([])));
    });
    assert.deepEqual(said, []);
  });

  it("that fail are told of in the session's log", async () => {
    const { said, log } = await inThread({
      onPreReceive: () => Promise.reject(new TypeError("secret")),
    }, async (hooks, said) => {
      const push = { refs: [REF] };
      assert.ok(await hooks.preReceive(push, {}, output(said)) === false);
    });
    assert.deepEqual(said, ["internal error\n"]);
    assert.match(log.join(), /TypeError: secret/);
  });

  it("end with the session", async () => {
    const ending = new AbortController();
    let signal: AbortSignal | undefined;
    await assert.rejects(
      inThread(
        {
          onPreReceive(event) {
            ({ signal } = event);
            ending.abort(new RangeError("closing"));
            return new Promise(() => {});
          },
        },
        async (hooks) => {
          await hooks.preReceive({ refs: [REF] }, {}, output([]));
        },
        ending,
      ),
      RangeError,
    );
    assert.ok(signal?.aborted);
  });
});
