import assert from "node:assert/strict";
import type { Clock, Connection } from "../../../src/core/host.ts";
import { SILENT } from "../../../src/core/logger.ts";
import { Conversation } from "../../../src/service/conversation.ts";
import { PackSource } from "../../../src/service/receive_pack/pack_source.ts";
import { GIT_TERMS } from "../../../src/service/types.ts";
import { MemoryRepository } from "../../../src/compose.ts";
import { describe, it } from "../../support/test.ts";
import { CLOCK, KERNELS, LIMITS, steppingClock } from "./talk.ts";

const MIB = 1024 * 1024;

/** A source over a peer whose reads are `read`; counts what was taken. */
function sourceOf(
  read: Connection["read"],
  options: { readonly clock?: Clock; readonly signal?: AbortSignal } = {},
): { source: PackSource; taken: () => { reads: number; bytes: number } } {
  const taken = { reads: 0, bytes: 0 };
  const connection: Connection = {
    peer: "test",
    address: "",
    async read(into, signal) {
      taken.reads++;
      const count = await read(into, signal);
      taken.bytes += count;
      return count;
    },
    write: () => Promise.resolve(),
    closeWrite: () => Promise.resolve(),
    close() {},
  };
  const conversation = new Conversation({
    repository: new MemoryRepository(),
    connection,
    protocol: 0,
    clock: options.clock ?? CLOCK,
    logger: SILENT,
    kernels: KERNELS,
    signal: options.signal ?? new AbortController().signal,
    limits: LIMITS,
    agent: "test/1",
    terms: GIT_TERMS,
  });
  return { source: new PackSource(conversation), taken: () => taken };
}

const endless: Connection["read"] = (into) => Promise.resolve(into.length);

describe("what is left of a push that was refused", () => {
  it("is dropped to its end", async () => {
    let left = 5;
    const { source, taken } = sourceOf(() =>
      Promise.resolve(left-- > 0 ? 7 : 0)
    );
    await source.drain();
    assert.deepEqual(taken(), { reads: 6, bytes: 35 });
    // The end was seen: nobody asks for more behind it.
    assert.equal(await source.read(new Uint8Array(1)), 0);
  });

  it("is dropped for so many bytes alone", async () => {
    const { source, taken } = sourceOf(endless);
    await source.drain();
    assert.equal(taken().bytes, 256 * MIB);
  });

  it("is dropped for so long alone", async () => {
    const slow = sourceOf(endless, { clock: steppingClock(10_000) });
    await slow.source.drain();
    assert.ok(slow.taken().reads <= 3, `${slow.taken().reads} reads`);
  });

  it("does not matter where the peer is gone, or the session ended", async () => {
    const reset = sourceOf(() => Promise.reject(new Error("reset")));
    await reset.source.drain();
    assert.equal(reset.taken().reads, 1);
    const ending = new AbortController();
    const silent = sourceOf(
      (_, signal) =>
        new Promise((_, reject) =>
          signal?.addEventListener("abort", () => reject(signal.reason))
        ),
      { signal: ending.signal },
    );
    const drained = silent.source.drain();
    ending.abort(new Error("the server is going"));
    await drained;
  });
});
