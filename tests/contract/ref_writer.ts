/**
 * What every {@linkcode RefWriter} promises, in git's words. A store's test
 * file hands it empty stores whose HEAD is a symref to `refs/heads/main`.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Oid } from "../../src/core/oid.ts";
import type { RefName } from "../../src/core/ref_name.ts";
import type {
  RefFailure,
  RefPhase,
  RefTransactionOptions,
  RefUpdate,
  RefWriter,
} from "../../src/storage/writes.ts";
import { seeded } from "../support/random.ts";
import { describe, it } from "../support/test.ts";

/** One store under test. */
export interface RefWriterWorld {
  /** What changes it. */
  readonly writer: RefWriter;
  /** Four commits that the store may name. */
  readonly commits: readonly [Oid, Oid, Oid, Oid];
  /** Every ref below `refs/` as it is stored: an id, or "ref: <name>". */
  read(): Promise<ReadonlyMap<string, string>>;
  /** Lets a ref stand for another. */
  setSymbolic(name: string, target: string): Promise<void>;
  /** The lines of a reflog, where the store keeps them; all refs are logged. */
  log?(name: string): Promise<readonly string[]>;
}

const ZERO = "0".repeat(40) as Oid;
const OPTIONS: RefTransactionOptions = {
  atomic: false,
  committer: "C O Mitter <c@example.com> 1700000000 +0100",
  message: "push",
};

const NO = false;
const refuse = () => Promise.resolve(NO);

/** An update; `old` absent is whatever it is. */
export function update(name: string, value: Oid, old?: Oid): RefUpdate {
  return {
    name: name as RefName,
    new: value,
    ...(old === undefined ? {} : { old }),
  };
}

/** Tests of one kind of store; `make` gives an empty one each time. */
export function refWriterContract(
  store: string,
  make: () => Promise<RefWriterWorld>,
): void {
  describe(`A ref writer over ${store}`, () => {
    const apply = (
      world: RefWriterWorld,
      updates: readonly RefUpdate[],
      options: Partial<RefTransactionOptions> = {},
    ) => world.writer.apply(updates, { ...OPTIONS, ...options });

    const applied = async (
      world: RefWriterWorld,
      ...updates: readonly RefUpdate[]
    ) => {
      const outcomes = await apply(world, updates);
      assert.deepEqual(outcomes, updates.map(() => undefined));
    };

    const refused = async (
      world: RefWriterWorld,
      asked: RefUpdate,
      expected: RefFailure,
    ) => {
      const before = await world.read();
      assert.deepEqual(await apply(world, [asked]), [expected]);
      assert.deepEqual(await world.read(), before);
    };

    it("creates, moves and deletes a ref", async () => {
      const world = await make();
      const [a, b] = world.commits;
      await applied(world, update("refs/heads/x", a, ZERO));
      assert.deepEqual([...await world.read()], [["refs/heads/x", a]]);
      await applied(world, update("refs/heads/x", b, a));
      assert.deepEqual([...await world.read()], [["refs/heads/x", b]]);
      await applied(world, update("refs/heads/x", ZERO, b));
      assert.deepEqual([...await world.read()], []);
    });

    it("compares what was expected with what is there", async () => {
      const world = await make();
      const [a, b, c] = world.commits;
      await applied(world, update("refs/heads/x", a));
      await refused(world, update("refs/heads/x", c, b), {
        code: "changed",
        message: `cannot lock ref 'refs/heads/x': is at ${a} but expected ${b}`,
      });
      await refused(world, update("refs/heads/x", c, ZERO), {
        code: "exists",
        message: "cannot lock ref 'refs/heads/x': reference already exists",
      });
      await refused(world, update("refs/heads/y", c, a), {
        code: "changed",
        message: "cannot lock ref 'refs/heads/y': " +
          "unable to resolve reference 'refs/heads/y'",
      });
      await refused(world, update("refs/heads/x", ZERO, b), {
        code: "changed",
        message: `cannot lock ref 'refs/heads/x': is at ${a} but expected ${b}`,
      });
    });

    it("deletes what is not there, if nothing was expected", async () => {
      const world = await make();
      await applied(world, update("refs/heads/x", ZERO));
      await applied(world, update("refs/heads/none/at/all", ZERO, ZERO));
      assert.equal((await world.read()).size, 0);
    });

    it("tells which names are in each other's way", async () => {
      const world = await make();
      const [a] = world.commits;
      await applied(world, update("refs/heads/a/b", a));
      for (const name of ["refs/heads/a", "refs/heads/a/b/c/d"]) {
        await refused(world, update(name, a, ZERO), {
          code: "conflict",
          message: `cannot lock ref '${name}': ` +
            `'refs/heads/a/b' exists; cannot create '${name}'`,
        });
      }
    });

    it("does one after the other where nothing is atomic", async () => {
      const world = await make();
      const [a] = world.commits;
      await applied(world, update("refs/heads/a", a));
      const outcomes = await apply(world, [
        update("refs/heads/a/b", a, ZERO),
        update("refs/heads/a", ZERO, a),
        update("refs/heads/a/c", a, ZERO),
        update("refs/heads/a", a, ZERO),
      ]);
      assert.deepEqual(outcomes.map((each) => each?.code), [
        "conflict",
        undefined,
        undefined,
        "conflict",
      ]);
      assert.deepEqual([...await world.read()], [["refs/heads/a/c", a]]);
    });

    it("frees no name for another update of an atomic set", async () => {
      const world = await make();
      const [a] = world.commits;
      await applied(world, update("refs/heads/a", a));
      const before = await world.read();
      const outcomes = await apply(world, [
        update("refs/heads/a", ZERO, a),
        update("refs/heads/a/b", a, ZERO),
      ], { atomic: true });
      assert.deepEqual(outcomes.map((each) => each?.code), [
        "aborted",
        "conflict",
      ]);
      assert.match(outcomes[1]?.message ?? "", /cannot create|same time/);
      assert.deepEqual(await world.read(), before);
    });

    it("changes all of an atomic set or nothing", async () => {
      const world = await make();
      const [a, b] = world.commits;
      const names = Array.from({ length: 20 }, (_, i) => `refs/heads/n${i}`);
      const all = names.map((name) => update(name, a, ZERO));
      const done = await apply(world, all, { atomic: true });
      assert.deepEqual(done, all.map(() => undefined));
      const before = await world.read();
      const next = names.map((name, i) => update(name, b, i === 13 ? b : a));
      const outcomes = await apply(world, next, { atomic: true });
      assert.deepEqual(
        outcomes.map((each) => each?.code),
        names.map((_, i) => i === 13 ? "changed" : "aborted"),
      );
      assert.deepEqual(new Set(outcomes.map((each) => each?.message)).size, 1);
      assert.deepEqual(await world.read(), before);
    });

    it("refuses conflicts inside one atomic set", async () => {
      const world = await make();
      const [a] = world.commits;
      const outcomes = await apply(world, [
        update("refs/heads/q", a, ZERO),
        update("refs/heads/q/r", a, ZERO),
      ], { atomic: true });
      assert.equal(outcomes.filter((each) => each === undefined).length, 0);
      const [message] = outcomes.map((each) => each?.message ?? "");
      assert.match(
        message as string,
        /cannot process '.*' and '.*' at the same/,
      );
      assert.equal((await world.read()).size, 0);
    });

    it("changes what a symref names", async () => {
      const world = await make();
      const [a, b] = world.commits;
      await world.setSymbolic("refs/heads/alias", "refs/heads/x");
      await applied(world, update("refs/heads/alias", a, ZERO));
      await applied(world, update("refs/heads/alias", b, a));
      const refs = await world.read();
      assert.equal(refs.get("refs/heads/x"), b);
      assert.equal(refs.get("refs/heads/alias"), "ref: refs/heads/x");
      await refused(world, update("refs/heads/alias", a, a), {
        code: "changed",
        message:
          `cannot lock ref 'refs/heads/alias': is at ${b} but expected ${a}`,
      });
      await applied(world, update("HEAD", a, ZERO));
      assert.equal((await world.read()).get("refs/heads/main"), a);
    });

    it("refuses circles of symrefs, and what is asked for twice", async () => {
      const world = await make();
      const [a] = world.commits;
      await world.setSymbolic("refs/heads/one", "refs/heads/two");
      await world.setSymbolic("refs/heads/two", "refs/heads/one");
      await refused(world, update("refs/heads/one", a), {
        code: "conflict",
        message: "multiple updates for 'refs/heads/one' (including one via " +
          "symref 'refs/heads/two') are not allowed",
      });
      await world.setSymbolic("refs/heads/alias", "refs/heads/x");
      const before = await world.read();
      const outcomes = await apply(world, [
        update("refs/heads/alias", a),
        update("refs/heads/x", a),
      ], { atomic: true });
      assert.equal(outcomes.filter((each) => each === undefined).length, 0);
      assert.deepEqual(await world.read(), before);
    });

    it("refuses chains of symrefs that git would not follow", async () => {
      const world = await make();
      const [a] = world.commits;
      const depth = (n: number) => `refs/heads/d${n}`;
      for (let n = 0; n < 8; n++) {
        await world.setSymbolic(depth(n), depth(n + 1));
      }
      const before = await world.read();
      const outcomes = await apply(world, [update(depth(0), a)]);
      assert.equal(outcomes[0]?.code, "broken");
      assert.deepEqual(await world.read(), before);
      await applied(world, update(depth(5), a));
      assert.equal((await world.read()).get(depth(8)), a);
    });

    it("logs changes, HEAD's too where it names what changes", async () => {
      const world = await make();
      if (world.log === undefined) return;
      const [a, b] = world.commits;
      await applied(world, update("refs/heads/main", a, ZERO));
      await applied(world, update("refs/heads/main", b, a));
      const line = (from: Oid, to: Oid) =>
        `${from} ${to} ${OPTIONS.committer}\tpush`;
      const lines = [line(ZERO, a), line(a, b)];
      assert.deepEqual(await world.log("refs/heads/main"), lines);
      assert.deepEqual(await world.log("HEAD"), lines);
    });

    it("asks an observer, in order, before and after each", async () => {
      const world = await make();
      const [a] = world.commits;
      const calls: string[] = [];
      const observe = (phase: RefPhase, updates: readonly RefUpdate[]) => {
        for (const { name } of updates) calls.push(`${phase} ${name}`);
        return Promise.resolve(!calls.includes("prepared refs/heads/no"));
      };
      const outcomes = await apply(world, [
        update("refs/heads/x", a, ZERO),
        update("refs/heads/no", a, ZERO),
      ], { observe });
      assert.deepEqual(outcomes, [
        undefined,
        { code: "aborted", message: "ref updates aborted by hook" },
      ]);
      assert.deepEqual(calls, [
        "prepared refs/heads/x",
        "committed refs/heads/x",
        "prepared refs/heads/no",
        "aborted refs/heads/no",
      ]);
      assert.deepEqual([...await world.read()], [["refs/heads/x", a]]);
    });

    it("changes nothing of an atomic set that an observer refuses", async () => {
      const world = await make();
      const [a] = world.commits;
      const outcomes = await apply(world, [
        update("refs/heads/x", a, ZERO),
        update("refs/heads/y", a, ZERO),
      ], { atomic: true, observe: refuse });
      assert.deepEqual(outcomes.map((each) => each?.code), [
        "aborted",
        "aborted",
      ]);
      assert.equal((await world.read()).size, 0);
    });

    it("changes nothing for a session that has ended", async () => {
      const world = await make();
      const [a] = world.commits;
      const signal = AbortSignal.abort(new Error("over"));
      await assert.rejects(
        apply(world, [update("refs/heads/x", a)], { signal }),
        /over/,
      );
      assert.equal((await world.read()).size, 0);
    });

    it("lets one of fifty racers win each value", async () => {
      const world = await make();
      const [a, b] = world.commits;
      await applied(world, update("refs/heads/x", a));
      for (const [from, to] of [[a, b], [b, a]] as const) {
        const racers = Array.from(
          { length: 50 },
          () => apply(world, [update("refs/heads/x", to, from)]),
        );
        const outcomes = (await Promise.all(racers)).map(([each]) => each);
        assert.equal(outcomes.filter((each) => each === undefined).length, 1);
        for (const each of outcomes) {
          if (each !== undefined) assert.match(each.code, /^(changed|locked)$/);
        }
        assert.equal((await world.read()).get("refs/heads/x"), to);
      }
    });

    it("creates thousands at once, and refuses those that are there", async () => {
      const world = await make();
      const [a, b] = world.commits;
      await applied(
        world,
        update("refs/tags/t7", b),
        update("refs/tags/u/v", b),
      );
      const names = Array.from({ length: 1500 }, (_, i) => `refs/tags/t${i}`);
      const all = [
        ...names.map((name) => update(name, a, ZERO)),
        update("refs/tags/u", a, ZERO),
        update("refs/tags/w/x", a, ZERO),
        update("refs/tags/w", a, ZERO),
      ];
      const outcomes = await apply(world, all);
      const codes = new Map(
        all.map(({ name }, i) => [name, outcomes[i]?.code]),
      );
      const failed = [...codes].filter(([_, code]) => code !== undefined);
      assert.deepEqual(failed, [
        ["refs/tags/t7", "exists"],
        ["refs/tags/u", "conflict"],
        ["refs/tags/w", "conflict"],
      ]);
      const refs = await world.read();
      assert.equal(refs.size, 1502);
      assert.equal(refs.get("refs/tags/t7"), b);
      assert.equal(refs.get("refs/tags/t1499"), a);
      const again = await apply(
        world,
        names.map((name) => update(name, ZERO, name.endsWith("/t7") ? b : a)),
      );
      assert.deepEqual(again, names.map(() => undefined));
      assert.deepEqual([...await world.read()].length, 2);
    });

    it("holds to a model over generated sets of updates", async () => {
      const seed = 20251;
      const random = seeded(seed);
      const world = await make();
      const names = ["a", "a/b", "a/b/c", "d", "d/e", "f"]
        .map((name) => `refs/heads/${name}`);
      const model = new Map<string, Oid>();
      for (let round = 0; round < 60; round++) {
        const chosen = names.filter(() => random.int(3) === 0);
        const updates = chosen.map((name) => {
          const value = random.pick([...world.commits, ZERO]);
          const old = random.pick([
            undefined,
            model.get(name) ?? ZERO,
            model.get(name) ?? ZERO,
            world.commits[0],
          ]);
          return update(name, value, old);
        });
        const outcomes = await apply(world, updates, {
          atomic: random.int(2) === 0,
        });
        updates.forEach(({ name, new: value }, i) => {
          if (outcomes[i] !== undefined) return;
          if (value === ZERO) model.delete(name);
          else model.set(name, value);
        });
        const refs = [...await world.read()].sort();
        assert.deepEqual(refs, [...model].sort(), `seed ${seed}, ${round}`);
        for (const name of model.keys()) {
          const other = [...model.keys()].find((each) =>
            each.startsWith(`${name}/`)
          );
          assert.equal(other, undefined, `seed ${seed}, ${round}: ${name}`);
        }
      }
    });
  });
}
