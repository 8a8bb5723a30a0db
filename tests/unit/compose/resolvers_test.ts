import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../../src/core/bytes.ts";
import {
  helperThreads,
  resolveThreads,
  threadedResolver,
} from "../../../src/compose/resolvers.ts";
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
      await helper.help({ state, thread: 1, path: made.path });
      helper.close();
      assert.deepEqual([...state.joined], [0, 1]);
      // Names of deltas are looked up by the thread that asks for help.
      assert.ok(teamCount(state) > 1000);
      assert.equal((await threadedResolver(1)(initOf(made))).unresolved, 0);
      assertResolved(made);
    }));

  it("comes to the same", () =>
    inFile(async (made) => {
      const got = await threadedResolver(4)(initOf(made));
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
        threadedResolver(2)(initOf(made, { limits })),
        (error) => error instanceof RefusedError,
      );
    }));

  it("does without threads that cannot open the pack", () =>
    inFile(async (made) => {
      const pack = { ...made.pack, path: "/not/there" };
      const got = await threadedResolver(2)(initOf({ ...made, pack }));
      assert.equal(got.unresolved, 0);
    }));

  it("takes as many threads as git does", () => {
    const numbers = [1, 2, 3, 4, 5, 6, 8, 39, 40, 64];
    assert.deepEqual(
      numbers.map(resolveThreads),
      [1, 2, 3, 3, 3, 3, 4, 19, 20, 20],
    );
  });
});
