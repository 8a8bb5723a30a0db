import assert from "node:assert/strict";
import { toBinary } from "../../../src/core/bytes.ts";
import { RefusedError } from "../../../src/core/errors.ts";
import { type Oid, SHA1 } from "../../../src/core/oid.ts";
import type { RefName } from "../../../src/core/ref_name.ts";
import { eventHooks } from "../../../src/service/receive_pack/event_hooks.ts";
import {
  callbackListeners,
  type PushCallbacks,
  type PushEvent,
} from "../../../src/service/receive_pack/push_events.ts";
import {
  joinHooks,
  NO_HOOKS,
  type Push,
  type PushHooks,
} from "../../../src/service/receive_pack/push_hooks.ts";
import type { ServiceContext } from "../../../src/service/types.ts";
import { describe, it } from "../../support/test.ts";
import { KeptLog } from "../server/fakes.ts";

const REF = {
  name: "refs/heads/main" as RefName,
  old: SHA1.zero,
  new: "1".repeat(40) as Oid,
};
const PUSH: Push = { refs: [REF], options: ["\xc3\xa9"] };

function called(callbacks: PushCallbacks, timeoutMs = 0) {
  const log = new KeptLog();
  const ending = new AbortController();
  const listeners = callbackListeners(callbacks, timeoutMs);
  assert.ok(listeners !== undefined);
  const context = {
    repository: {},
    connection: { peer: "192.0.2.1:5", address: "192.0.2.1" },
    path: "/a.git",
    signal: ending.signal,
    logger: log,
  } as unknown as ServiceContext;
  const said: string[] = [];
  const output = (bytes: Uint8Array) => {
    said.push(toBinary(bytes));
    return Promise.resolve();
  };
  const hooks = eventHooks(context, listeners);
  return { hooks, said, output, log, ending };
}

describe("callbacks of a push", () => {
  it("are none where there are none", () => {
    assert.equal(callbackListeners({}, 0), undefined);
  });

  it("are given what is known of it", async () => {
    const events: Omit<PushEvent, "signal">[] = [];
    const note = ({ signal, ...event }: PushEvent) => {
      assert.ok(signal.aborted === false);
      events.push(event);
    };
    const { hooks, said, output } = called({
      onPreReceive: note,
      onUpdate: note,
      onPostReceive: note,
    });
    assert.ok(await hooks.preReceive(PUSH, {}, output) === true);
    assert.ok(await hooks.update?.(REF, output) === true);
    await hooks.postReceive(PUSH, output);
    await hooks.postUpdate([REF.name], output);
    const event = {
      repository: "",
      path: "/a.git",
      refs: [REF],
      options: ["é"],
      peer: "192.0.2.1:5",
      address: "192.0.2.1",
    };
    assert.deepEqual([events, said], [[event, event, event], []]);
  });

  it("refuse with a message that is fit for a terminal", async () => {
    const { hooks, said, output, log } = called({
      onPreReceive: () =>
        Promise.reject(new RefusedError("frozen", "not now, \x1b[2Jé")),
      onUpdate() {
        throw new RefusedError("mine", "");
      },
    });
    assert.ok(await hooks.preReceive(PUSH, {}, output) === false);
    assert.ok(await hooks.update?.(REF, output) === false);
    assert.deepEqual(said, ["not now, ?[2J\xc3\xa9\n"]);
    assert.deepEqual(log.lines, []);
  });

  it("that fail have refused, and the log has why", async () => {
    const { hooks, said, output, log } = called({
      onPreReceive() {
        throw new TypeError("secret");
      },
    });
    assert.ok(await hooks.preReceive(PUSH, {}, output) === false);
    assert.deepEqual(said, ["internal error\n"]);
    assert.match(log.lines.join(), /pre-receive callback: TypeError: secret/);
  });

  it("cannot undo what is done, nor fail it", async () => {
    const { hooks, said, output } = called({
      onPostReceive: () => Promise.reject(new RefusedError("late", "too late")),
    });
    await hooks.postReceive(PUSH, output);
    assert.deepEqual(said, ["too late\n"]);
  });

  it("are not waited for beyond their time", async () => {
    let signal: AbortSignal | undefined;
    const { hooks, output, log } = called({
      onPreReceive(event) {
        ({ signal } = event);
        return new Promise(() => {});
      },
    }, 20);
    assert.ok(await hooks.preReceive(PUSH, {}, output) === false);
    assert.ok(signal?.aborted === true);
    assert.match(log.lines.join(), /pre-receive took more than 0.02 s/);
  });

  it("end with their session", async () => {
    const { hooks, output, ending } = called({
      onPreReceive() {
        ending.abort(new RangeError("closing"));
        return new Promise(() => {});
      },
    });
    await assert.rejects(hooks.preReceive(PUSH, {}, output), RangeError);
    await hooks.postReceive(PUSH, output);
  });
});

describe("hooks that are joined", () => {
  const calls: string[] = [];
  const named = (name: string, answer: "yes" | "no"): PushHooks => {
    const ask = (what: string) => {
      calls.push(`${name} ${what}`);
      return Promise.resolve(answer === "yes");
    };
    return {
      preReceive: () => ask("pre-receive"),
      update: () => ask("update"),
      observe: () => (phase) => ask(phase),
      postReceive: async () => void await ask("post-receive"),
      postUpdate: async () => void await ask("post-update"),
    };
  };
  const output = () => Promise.resolve();
  const asked = async (hooks: PushHooks) => {
    calls.length = 0;
    const answers = [
      await hooks.preReceive(PUSH, {}, output),
      await hooks.update?.(REF, output),
      await hooks.observe?.(output)("prepared", []),
    ];
    await hooks.postReceive(PUSH, output);
    await hooks.postUpdate([], output);
    return { answers, calls: calls.join() };
  };
  it("are asked in their order", async () => {
    const hooks = joinHooks(named("a", "yes"), named("b", "yes"));
    assert.deepEqual(await asked(hooks), {
      answers: [true, true, true],
      calls: "a pre-receive,b pre-receive,a update,b update,a prepared," +
        "b prepared,a post-receive,b post-receive,a post-update,b post-update",
    });
  });

  it("stop at the first no", async () => {
    const hooks = joinHooks(named("a", "no"), named("b", "yes"));
    const { answers, calls } = await asked(hooks);
    assert.deepEqual(answers, [false, false, false]);
    assert.ok(calls.startsWith("a pre-receive,a update,a prepared,"), calls);
  });

  it("ask the one that would say something", async () => {
    const hooks = joinHooks(NO_HOOKS, named("b", "no"));
    const { answers } = await asked(hooks);
    assert.deepEqual(answers, [false, false, false]);
    assert.equal(joinHooks(NO_HOOKS, NO_HOOKS).update, undefined);
    assert.equal(joinHooks(NO_HOOKS, NO_HOOKS).observe, undefined);
  });
});
