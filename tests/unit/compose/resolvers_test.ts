import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../../src/core/bytes.ts";
import {
  helperThreads,
  threadedResolver,
} from "../../../src/compose/resolvers.ts";
import {
  mostHelpers,
  resolveThreads,
} from "../../../src/compose/resolve_threads.ts";
import { placeCells, SharedPlaces } from "../../../src/core/shared_places.ts";
import { RefusedError } from "../../../src/core/errors.ts";
import { planResolution } from "../../../src/pack/intake/resolve_plan.ts";
import { teamCount, teamState } from "../../../src/pack/intake/resolve_team.ts";
import { SHA1 } from "../../../src/core/oid.ts";
import { initOf, madeHistory } from "../../contract/resolve_deltas.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { idOf, type MadePack, makePack } from "../../support/pack_entries.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const { list, kinds, contents } = madeHistory(seeded(9), 3000, SHA1);

async function inFile(
  use: (made: MadePack & { readonly path: string }) => Promise<void>,
): Promise<void> {
  const directory = temporaryDirectory("resolvers");
  const path = join(directory, "tmp_pack");
  try {
    const made = makePack(list);
    writeFileSync(path, made.bytes);
    await use({ ...made, path, pack: { ...made.pack, path, size: 2 ** 30 } });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function assertResolved({ entries }: MadePack): void {
  contents.forEach((data, rank) =>
    assert.equal(
      toHex(entries.ids, rank * 20, rank * 20 + 20),
      toHex(idOf(kinds[rank] as 1, data)),
      `rank ${rank}`,
    )
  );
}

describe("Resolving in threads", () => {
  it("is what a thread does alone as well", () =>
    inFile(async (made) => {
      const { entries } = made;
      const links = planResolution(entries);
      const done = new Uint8Array(new SharedArrayBuffer(entries.count));
      const state = teamState(entries, links, done, 2, {
        maxObjectBytes: Infinity,
        maxBytes: Infinity,
        maxDepth: Infinity,
      });
      const helper = helperThreads(1).start();
      assert.ok(helper !== undefined);
      await helper.help({ state, thread: 1, path: made.path });
      helper.close();
      assert.deepEqual([...state.joined], [0, 1]);
      // Names of deltas are looked up by the thread that asks for help.
      assert.ok(teamCount(state) > 1000);
      assert.equal((await threadedResolver(0)(initOf(made))).unresolved, 0);
      assertResolved(made);
    }));

  it("comes to the same", () =>
    inFile(async (made) => {
      const got = await threadedResolver(2)(initOf(made));
      assert.equal(got.unresolved, 0);
      assertResolved(made);
    }));

  it("keeps the bounds", () =>
    inFile(async (made) => {
      const limits = {
        maxObjectBytes: 0,
        maxInflatedBytes: 0,
        maxDeltaDepth: 2,
      };
      await assert.rejects(
        threadedResolver(1)(initOf(made, { limits })),
        (error) => error instanceof RefusedError,
      );
    }));

  it("does without threads that cannot open the pack", () =>
    inFile(async (made) => {
      const pack = { ...made.pack, path: "/not/there" };
      const got = await threadedResolver(1)(initOf({ ...made, pack }));
      assert.equal(got.unresolved, 0);
    }));

  it("checks what threads make, where that is asked", () =>
    inFile(async (made) => {
      const { entries } = made;
      const state = teamState(
        entries,
        planResolution(entries),
        new Uint8Array(new SharedArrayBuffer(entries.count)),
        2,
        { maxObjectBytes: Infinity, maxBytes: Infinity, maxDepth: Infinity },
      );
      const helper = helperThreads(1).start();
      assert.ok(helper !== undefined);
      // No commit or tag of random bytes is one.
      const { failure, refusedAfter } = await helper.help({
        ...{ state, thread: 1, path: made.path },
        rules: { levels: new Map(), skip: new Set() },
      });
      helper.close();
      assert.match(failure ?? "", /^(invalid|fsck error in packed object)/);
      assert.notEqual(refusedAfter, undefined);
    }));

  it("starts no more threads than there are places", () => {
    const places = new SharedPlaces(placeCells(2), 1);
    const source = helperThreads(5, () => places);
    const first = source.start();
    const second = source.start();
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(source.start(), undefined);
    first.close();
    const third = source.start();
    assert.notEqual(third, undefined);
    // Once more changes nothing.
    first.close();
    assert.equal(source.start(), undefined);
    second.close();
    third?.close();
  });

  it("takes as many threads as git does", () => {
    const numbers = [1, 2, 3, 4, 5, 6, 8, 39, 40, 64];
    assert.deepEqual(
      numbers.map(resolveThreads),
      [1, 2, 3, 3, 3, 3, 4, 19, 20, 20],
    );
    assert.deepEqual(numbers.slice(0, 4).map(mostHelpers), [0, 1, 2, 2]);
  });
});
