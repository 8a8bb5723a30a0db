import assert from "node:assert/strict";
import { concatBytes, fromUtf8, toHex } from "../../../../src/core/bytes.ts";
import { RefusedError } from "../../../../src/core/errors.ts";
import { type Oid, SHA1 } from "../../../../src/core/oid.ts";
import type { GatheredFindings } from "../../../../src/object/fsck/checker.ts";
import { FsckRefusal } from "../../../../src/object/fsck/refusal.ts";
import type { FsckRules } from "../../../../src/object/fsck/rules.ts";
import {
  type HelperSource,
  resolverWith,
} from "../../../../src/pack/intake/resolve_deltas.ts";
import { helpTeam } from "../../../../src/pack/intake/resolve_help.ts";
import {
  isStopped,
  joinTeam,
  teamCount,
  type TeamState,
  teamState,
} from "../../../../src/pack/intake/resolve_team.ts";
import { planResolution } from "../../../../src/pack/intake/resolve_plan.ts";
import { initOf, madeHistory } from "../../../contract/resolve_deltas.ts";
import {
  idOf,
  madeDelta,
  type MadeEntry,
  type MadePack,
  makePack,
} from "../../../support/pack_entries.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";

const { list, kinds, contents } = madeHistory(seeded(5), 900, SHA1);

/** A pack of some hundred deltas that seems to be a large file. */
function largePack(): MadePack {
  const made = makePack(list);
  const pack = { ...made.pack, size: 2 ** 30, path: "/the/pack" };
  return { ...made, pack };
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

/** Trees of which each, as a delta, has something to be warned of. */
const WHOLESOME = 200;

function wholesomePack(): MadePack {
  const id = "0123456789abcdefghij";
  const data = fromUtf8(`40000 a\0${id}`);
  const made = makePack([
    { kind: 2, data },
    ...Array.from({ length: WHOLESOME }, (_, i) => ({
      base: 0,
      // A mode with a zero in front.
      delta: madeDelta(data.length, data.length, `040000 b${i}\0${id}`),
    })),
  ]);
  return {
    ...made,
    pack: { ...made.pack, size: 2 ** 30, path: "/the/pack" },
  };
}

const RULES: FsckRules = {
  levels: new Map([["zeropaddedfilemode", "warn"]]),
  skip: new Set(),
};

/** A helper that makes everything as soon as it is asked. */
function checkingHelper(made: MadePack): HelperSource {
  const { kernels } = initOf(made);
  return {
    count: 1,
    start: () => ({
      help: (order) => Promise.resolve(helpTeam(order, kernels, made.pack)),
      close() {},
    }),
  };
}

/** A helper that takes part here, `steps` steps far, and then does as told. */
function helperHere(
  made: MadePack,
  steps: number,
  end: (state: TeamState) => Promise<void>,
  log: string[],
): HelperSource {
  const { kernels } = initOf(made);
  return {
    count: 1,
    start: () => ({
      async help({ state, thread, path }) {
        log.push(`helps ${path}`);
        const step = joinTeam(state, { thread, kernels, pack: made.pack });
        for (let i = 0; i < steps && step(); i++) await Promise.resolve();
        await end(state);
        return {};
      },
      close: () => void log.push("closed"),
    }),
  };
}

describe("A team of resolvers", () => {
  it("shares the families of a pack", async () => {
    const made = largePack();
    const log: string[] = [];
    const helpers = helperHere(made, Infinity, () => Promise.resolve(), log);
    const got = await resolverWith(helpers)(initOf(made));
    assert.equal(got.unresolved, 0);
    assertResolved(made);
    assert.deepEqual(log, ["helps /the/pack", "closed"]);
  });

  it("makes up for a helper that fails", async () => {
    const made = largePack();
    const log: string[] = [];
    const fail = () => Promise.reject(new Error("no more"));
    // Its first step takes families and reads them; it makes none of them.
    const got = await resolverWith(helperHere(made, 1, fail, log))(
      initOf(made),
    );
    assert.equal(got.unresolved, 0);
    assertResolved(made);
  });

  it("does not wait for a helper that never begins", async () => {
    const made = largePack();
    const never: HelperSource = {
      count: 3,
      start: () => ({ help: () => new Promise(() => {}), close() {} }),
    };
    assert.equal((await resolverWith(never)(initOf(made))).unresolved, 0);
    assertResolved(made);
  });

  it("has its helpers stop, and closes them, when it is ended", async () => {
    const made = largePack();
    const log: string[] = [];
    const ending = new AbortController();
    const helpers = helperHere(made, 1, async (state) => {
      ending.abort(new Error("enough"));
      while (!isStopped(state)) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      log.push("stopped");
    }, log);
    await assert.rejects(
      resolverWith(helpers)(initOf(made, { signal: ending.signal })),
      /enough/,
    );
    assert.deepEqual(log, ["helps /the/pack", "stopped", "closed"]);
  });

  it("has its helpers check what they make", async () => {
    const made = wholesomePack();
    const taken: number[] = [];
    const found: GatheredFindings[] = [];
    const got = await resolverWith(checkingHelper(made))(initOf(made, {
      take: (rank) => void taken.push(rank),
      helperChecks: { rules: RULES, merge: (one) => void found.push(one) },
    }));
    assert.equal(got.unresolved, 0);
    // It makes all of it, before the thread that asks begins.
    assert.deepEqual(taken, []);
    assert.deepEqual(found.map(({ lines }) => lines.length), [WHOLESOME]);
  });

  it("ends with a helper whose checks an object does not pass", async () => {
    const made = wholesomePack();
    const strict = { levels: new Map(), skip: new Set<Oid>() };
    await assert.rejects(
      resolverWith(checkingHelper(made))(initOf(made, {
        take: () => {},
        helperChecks: { rules: strict, merge: () => assert.fail() },
      })),
      (error) =>
        error instanceof FsckRefusal && error.lines.length === 1 &&
        error.message === "fsck error in packed object",
    );
  });

  it("ends with a helper that fails when it was to check", async () => {
    const made = largePack();
    const fail = () => Promise.reject(new Error("no more"));
    await assert.rejects(
      resolverWith(helperHere(made, 1, fail, []))(initOf(made, {
        take: () => {},
        helperChecks: { rules: RULES, merge: () => {} },
      })),
      /no more/,
    );
  });

  it("does without helpers where there is no place for one", async () => {
    const made = largePack();
    const none: HelperSource = { count: 3, start: () => undefined };
    assert.equal((await resolverWith(none)(initOf(made))).unresolved, 0);
    assertResolved(made);
  });

  it("asks no helper where objects are given away", async () => {
    const made = largePack();
    const log: string[] = [];
    const helpers = helperHere(made, 1, () => Promise.resolve(), log);
    let taken = 0;
    await resolverWith(helpers)(initOf(made, { take: () => void taken++ }));
    assert.equal(taken, list.filter((entry) => !("kind" in entry)).length);
    assert.deepEqual(log, []);
  });
});

describe("A member of a team", () => {
  it("leaves nothing out of sound families", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const made: MadeEntry[] = [];
      const texts: Uint8Array[] = [];
      for (let i = 0; i < 300; i++) {
        // Chains, stars and what is between.
        const base = Math.max(0, i - 1 - random.int(1 + (seed % 5) * i));
        const before = texts[base];
        if (before === undefined || random.int(40) === 0) {
          texts.push(random.bytes(20 + random.int(3000)));
          made.push({ kind: 2, data: texts[i] as Uint8Array });
          continue;
        }
        const copied = random.int(before.length);
        const added = "x".repeat(1 + random.int(300));
        const delta = madeDelta(before.length, copied, added);
        made.push({ base, delta });
        texts.push(
          concatBytes([before.subarray(0, copied), fromUtf8(added)]),
        );
      }
      const { entries, pack } = makePack(made);
      const plan = planResolution(entries);
      const done = new Uint8Array(300);
      const state = teamState(entries, plan, done, 1, {
        maxObjectBytes: Infinity,
        maxBytes: Infinity,
        maxDepth: Infinity,
      });
      const { kernels } = initOf(largePack());
      const step = joinTeam(state, { thread: 0, kernels, pack });
      while (step());
      assert.equal(teamCount(state), plan.deltas, `seed ${seed}`);
      texts.forEach((text, rank) =>
        assert.equal(
          toHex(entries.ids, rank * 20, rank * 20 + 20),
          toHex(idOf(2, text)),
          `seed ${seed}, rank ${rank}`,
        )
      );
    }
  });
});

describe("A team's bounds", () => {
  const { kind, data } = list[0] as { kind: 1; data: Uint8Array };

  it("are kept without adding up a large pack beforehand", async () => {
    const copies = kernelsDelta(data);
    const made = makePack([
      { kind, data },
      ...Array.from({ length: 10_001 }, () => ({ base: 0, delta: copies })),
    ]);
    const limits = { maxObjectBytes: 0, maxDeltaDepth: 0 };
    const most = data.length * 10_001;
    const within = { ...limits, maxInflatedBytes: most };
    const resolve = resolverWith({ count: 0, start: () => assert.fail() });
    const got = await resolve(initOf(made, { limits: within }));
    assert.deepEqual(got, { unresolved: 0, inflatedBytes: most });
    for (const maxInflatedBytes of [most - 1, data.length]) {
      made.entries.kinds.fill(0, 1);
      await assert.rejects(
        resolve(initOf(made, { limits: { ...limits, maxInflatedBytes } })),
        (error) => error instanceof RefusedError && error.code === "pack-limit",
      );
    }
    // It stopped where the bound was passed.
    assert.equal(made.entries.kinds[10_001], 0);
  });
});

function kernelsDelta(data: Uint8Array): Uint8Array {
  const { kernels } = initOf(largePack());
  return kernels.createDelta(data, data, 1000) as Uint8Array;
}
