/**
 * What every object store must do, with the real git as the judge: it reads
 * the same objects from its own repository, and takes in the packs we plan.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NumberList } from "../../src/core/number_list.ts";
import { ObjectSet } from "../../src/core/object_set.ts";
import type { ObjectFormat, Oid } from "../../src/core/oid.ts";
import type { Kernels } from "../../src/kernels/types.ts";
import { COMMIT, kindName, OFS_DELTA, TREE } from "../../src/object/kind.ts";
import { parseTree, treeEntryKind } from "../../src/object/tree.ts";
import type {
  ObjectStore,
  PackPlan,
  PackRequest,
} from "../../src/storage/types.ts";
import { emptyRepository } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { gitSync } from "../support/git.ts";
import { lines, objectSet } from "../support/git_repository.ts";
import { type Random, seeded } from "../support/random.ts";
import { describe, it } from "../support/test.ts";

/** A store under test, and git's view of the same objects. */
export interface StoreUnderTest {
  /** Opens the store afresh, with nothing read of it yet. */
  readonly open: () => ObjectStore | Promise<ObjectStore>;
  /** The object format. */
  readonly format: ObjectFormat;
  /** A git repository with the same objects. */
  readonly repository: string;
  /** Kernels for trailers. */
  readonly kernels: Kernels;
}

const SEED = 20_240_701;

/** Runs the suite; `make` is called once, inside the first test. */
export function objectStoreContract(
  label: string,
  make: () => StoreUnderTest | Promise<StoreUnderTest>,
): void {
  let made: Promise<StoreUnderTest> | undefined;
  const subject = (): Promise<StoreUnderTest> =>
    made ??= Promise.resolve(make());

  describe(`Object store over ${label}`, () => {
    it("reads every object as git does", async () => {
      const { open, repository } = await subject();
      const store = await open();
      for (const object of allObjects(repository)) {
        const number = store.find(object.oid);
        assert.ok(number >= 0, `${object.oid} is not found`);
        const { kind, data } = store.read(number);
        assert.equal(kindName(kind), object.kind, object.oid);
        assert.equal(
          Buffer.compare(data, object.data),
          0,
          `${object.oid} differs`,
        );
        assert.equal(store.oid(number), object.oid);
        assert.ok(store.has(number));
      }
    });

    it("tells every kind without reading objects first", async () => {
      const { open, repository } = await subject();
      const store = await open();
      for (const object of allObjects(repository)) {
        const kind = store.kind(store.find(object.oid));
        assert.equal(kindName(kind), object.kind, object.oid);
      }
    });

    it("tells every size without resolving deltas", async () => {
      const { open, repository } = await subject();
      const store = await open();
      for (const { oid, data } of allObjects(repository)) {
        assert.equal(store.size(store.find(oid)), data.length, oid);
      }
    });

    it("knows each commit's tree, time and parents", async () => {
      const { open, repository } = await subject();
      const store = await open();
      const oids = allObjects(repository)
        .filter((object) => object.kind === "commit")
        .map((object) => object.oid);
      const log = gitSync(
        ["log", "--no-walk=unsorted", "--stdin", "--format=%H %T %ct %P"],
        { cwd: repository, input: `${oids.join("\n")}\n` },
      );
      assert.equal(lines(log).length, oids.length);
      for (const line of lines(log)) {
        const commit = store.find(line.split(" ")[0] as Oid);
        // Asked first: nothing has read this commit yet.
        const time = store.commitTime(commit);
        const parents = Array.from(
          { length: store.parentCount(commit) },
          (_, index) => store.oid(store.parent(commit, index)),
        );
        const told = [
          store.oid(commit),
          store.oid(store.commitTree(commit)),
          time,
          ...parents,
        ];
        assert.equal(told.join(" "), line.trimEnd());
      }
    });

    it("follows tags as git does", async () => {
      const { open, repository } = await subject();
      const store = await open();
      for (const { oid, kind } of allObjects(repository)) {
        if (kind !== "tag") continue;
        const target = store.oid(store.tagTarget(store.find(oid)));
        const text = gitSync(["cat-file", "tag", oid], { cwd: repository });
        assert.ok(text.startsWith(`object ${target}\n`), oid);
      }
    });

    it("walks to everything below trees, without what is below others", async () => {
      const { open, repository, format } = await subject();
      const trees = allObjects(repository)
        .filter((object) => object.kind === "tree")
        .map((object) => object.oid);
      const random = seeded(SEED + 7);
      const shared = await open();
      for (let turn = 0; turn < 24; turn++) {
        // Cold as well as with whatever the turns before have left behind.
        const store = turn % 2 === 0 ? await open() : shared;
        const some = (): number[] =>
          trees.filter(() => random.int(6) === 0).map((oid) => store.find(oid));
        const step = 1 + random.int(40);
        const had = new ObjectSet();
        walkDown(some(), had, step, (batch, seen, found) => {
          store.expandTrees(batch, seen, found);
        });
        const readHad = had.clone();
        const wants = some();
        const atOnce = allAtOnce(
          turn % 3 === 0 ? await open() : store,
          wants,
          had.clone(),
        );
        const told = walkDown(wants, had, step, (batch, seen, found) => {
          store.expandTrees(batch, seen, found);
        });
        const expected = walkDown(wants, readHad, 1, (batch, seen, found) => {
          const read = expandByReading(store, format, [...batch], seen);
          for (const tree of read.trees) {
            if (seen.add(tree)) found.trees.push(tree);
          }
          for (const blob of read.blobs) {
            if (seen.add(blob)) found.blobs.push(blob);
          }
        });
        assert.deepEqual(told, expected, `seed ${SEED + 7}, turn ${turn}`);
        assert.deepEqual(atOnce, expected, `seed ${SEED + 7}, turn ${turn}`);
        for (const number of [...told.trees, ...told.blobs]) {
          assert.ok(had.has(number), `${number} was found and is not in seen`);
        }
      }
    });

    it("plans whole packs that git takes in, no larger than stored", async () => {
      const { open, repository, format, kernels } = await subject();
      const oids = allObjects(repository).map((object) => object.oid);
      for (const ofsDelta of [true, false]) {
        const store = await open();
        const plan = planOf(store, { oids, ofsDelta });
        assert.equal(plan.objects, oids.length);
        const pack = packBytes(plan, format, kernels, seeded(SEED));
        const target = emptyRepository(
          temporaryDirectory("whole"),
          format.name,
        );
        const head = gitSync(["index-pack", "--strict", "--stdin"], {
          cwd: target,
          input: pack,
        });
        assert.match(head, /^pack\t/);
        assert.deepEqual(await objectSet(target), [...oids].sort());
        if (!ofsDelta) continue;
        // What was loose is deflated here by another zlib than git's.
        const slack = 16 * (plan.objects - plan.reused);
        const stored = storedBytes(repository);
        assert.ok(
          pack.length <= stored + slack,
          `${pack.length} bytes, git ${stored}`,
        );
      }
    });

    it("plans packs of any objects, self-contained", async () => {
      const { open, repository, format, kernels } = await subject();
      const all = allObjects(repository).map((object) => object.oid);
      const store = await open();
      for (let round = 0; round < 6; round++) {
        const seed = SEED + round;
        const random = seeded(seed);
        const share = 1 + random.int(9);
        const oids = all.filter(() => random.int(10) < share);
        const ofsDelta = round % 2 === 0;
        const plan = planOf(store, { oids, ofsDelta });
        const pack = packBytes(plan, format, kernels, random);
        const target = emptyRepository(temporaryDirectory("part"), format.name);
        gitSync(["index-pack", "--stdin"], { cwd: target, input: pack });
        assert.deepEqual(
          await objectSet(target),
          [...oids].sort(),
          `seed ${seed}`,
        );
        if (!ofsDelta) assertTypes(pack, OFS_DELTA, target);
      }
    });

    it("plans thin packs that git completes", async () => {
      const { open, repository, format, kernels } = await subject();
      const all = allObjects(repository).map((object) => object.oid);
      const store = await open();
      let deltasToBases = 0;
      for (let round = 0; round < 6; round++) {
        const seed = SEED + 100 + round;
        const random = seeded(seed);
        const oids = all.filter(() => random.int(3) === 0);
        const here = new Set(oids);
        const bases = all.filter((oid) => !here.has(oid));
        const ofsDelta = round % 2 === 0;
        const plan = planOf(store, { oids, bases, ofsDelta });
        const alone = planOf(store, { oids, ofsDelta });
        deltasToBases += plan.deltas - alone.deltas;
        const pack = packBytes(plan, format, kernels, random);
        const target = emptyRepository(temporaryDirectory("thin"), format.name);
        mkdirSync(join(target, "objects/info"), { recursive: true });
        writeFileSync(
          join(target, "objects/info/alternates"),
          `${join(repository, "objects")}\n`,
        );
        gitSync(["index-pack", "--fix-thin", "--stdin"], {
          cwd: target,
          input: pack,
        });
        writeFileSync(join(target, "objects/info/alternates"), "");
        const got = new Set(await objectSet(target));
        for (const oid of oids) assert.ok(got.has(oid), `seed ${seed}`);
      }
      // Otherwise nothing thin was tried. A store of whole objects has none.
      const hasDeltas = planOf(store, { oids: all, ofsDelta: true }).deltas > 0;
      assert.equal(deltasToBases > 0, hasDeltas);
    });

    it("numbers ids that are not here, and says so", async () => {
      const { open, format } = await subject();
      const store = await open();
      const absent = "12".repeat(format.rawLength) as Oid;
      assert.equal(store.find(absent), -1);
      const number = store.intern(absent);
      assert.equal(store.intern(absent), number);
      assert.equal(store.oid(number), absent);
      assert.ok(!store.has(number));
      assert.equal(store.find(absent), -1);
      assert.ok(store.count > number);
      const missing = { name: "StorageError", code: "missing-object" };
      assert.throws(() => store.read(number), {
        ...missing,
        message: `Cannot read object ${absent}: it is missing`,
      });
      assert.throws(() => store.kind(number), missing);
      assert.throws(() => store.size(number), missing);
      assert.throws(() => store.commitTree(number), missing);
      assert.throws(
        () => planOf(store, { oids: [absent], ofsDelta: true }),
        missing,
      );
    });

    it("refuses to take one kind for another", async () => {
      const { open, repository } = await subject();
      const store = await open();
      const objects = allObjects(repository);
      const tree = objects.find((object) => object.kind === "tree");
      const commit = objects.find((object) => object.kind === "commit");
      assert.ok(tree !== undefined && commit !== undefined);
      const treeNumber = store.find(tree.oid);
      assert.throws(() => store.commitTree(treeNumber), {
        code: "not-a-commit",
      });
      assert.throws(() => store.tagTarget(treeNumber), { code: "not-a-tag" });
      assert.equal(store.kind(treeNumber), TREE);
      const number = store.find(commit.oid);
      assert.equal(store.kind(number), COMMIT);
      const found = { trees: new NumberList(), blobs: new NumberList() };
      assert.throws(
        () => store.expandTrees(Int32Array.of(number), new ObjectSet(), found),
        { code: "corrupt-object" },
      );
    });
  });
}

/** An object as git gives it. */
export interface GitObject {
  /** Its id. */
  readonly oid: Oid;
  /** Its kind's name. */
  readonly kind: string;
  /** Its content. */
  readonly data: Buffer;
}

/** Every object of a repository, by `git cat-file --batch`. */
export function allObjects(repository: string): GitObject[] {
  const text = gitSync(
    ["cat-file", "--batch", "--batch-all-objects", "--unordered"],
    { cwd: repository },
  );
  const objects: GitObject[] = [];
  for (let at = 0; at < text.length;) {
    const end = text.indexOf("\n", at);
    const [oid, kind, size] = text.slice(at, end).split(" ");
    const data = text.slice(end + 1, end + 1 + Number(size));
    objects.push({
      oid: oid as Oid,
      kind: kind as string,
      data: Buffer.from(data, "latin1"),
    });
    at = end + 1 + Number(size) + 1;
  }
  return objects;
}

/** Plans a pack of objects given by their ids. */
export function planOf(
  store: ObjectStore,
  wanted: {
    readonly oids: readonly Oid[];
    readonly bases?: readonly Oid[];
    readonly ofsDelta: boolean;
  },
): PackPlan {
  const objects = new NumberList();
  const members = new ObjectSet();
  for (const oid of wanted.oids) {
    const number = store.intern(oid);
    if (members.add(number)) objects.push(number);
  }
  const request: PackRequest = { objects, members, ofsDelta: wanted.ofsDelta };
  const steps = store.planPack(
    wanted.bases === undefined
      ? request
      : { ...request, bases: setOf(store, wanted.bases) },
  );
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** All bytes of a plan, read in pieces of random sizes. */
export function packBytes(
  plan: PackPlan,
  format: ObjectFormat,
  kernels: Kernels,
  random: Random,
): Buffer {
  using bytes = plan.open(kernels.hash(format));
  const parts: Buffer[] = [];
  const sizes = [1, 13, 700, 8_192, 65_515, 262_144];
  const size = random.pick(sizes);
  for (;;) {
    const into = new Uint8Array(size === 1 ? 1 + random.int(9_000) : size);
    const count = bytes.read(into);
    parts.push(Buffer.from(into.buffer, 0, count));
    if (count < into.length) break;
  }
  assert.equal(bytes.read(new Uint8Array(10)), 0);
  return Buffer.concat(parts);
}

function setOf(store: ObjectStore, oids: readonly Oid[]): ObjectSet {
  const set = new ObjectSet();
  for (const oid of oids) set.add(store.intern(oid));
  return set;
}

function expandByReading(
  store: ObjectStore,
  format: ObjectFormat,
  trees: readonly number[],
  seen: ObjectSet,
): { trees: number[]; blobs: number[] } {
  const found = { trees: [] as number[], blobs: [] as number[] };
  const known = seen.clone();
  for (const tree of trees) {
    for (const entry of parseTree(store.read(tree).data, format)) {
      const kind = treeEntryKind(entry.mode);
      if (kind === "gitlink") continue;
      const number = store.intern(entry.oid);
      if (!known.add(number)) continue;
      (kind === "tree" ? found.trees : found.blobs).push(number);
    }
  }
  found.trees.sort(ascending);
  found.blobs.sort(ascending);
  return found;
}

interface FoundEntries {
  readonly trees: NumberList;
  readonly blobs: NumberList;
}

function sorted(found: FoundEntries): { trees: number[]; blobs: number[] } {
  return {
    trees: [...found.trees.view()].sort(ascending),
    blobs: [...found.blobs.view()].sort(ascending),
  };
}

/** Everything below `roots` that is not in `seen`, `step` trees at a time. */
function walkDown(
  roots: readonly number[],
  seen: ObjectSet,
  step: number,
  expand: (batch: Int32Array, seen: ObjectSet, found: FoundEntries) => void,
): { trees: number[]; blobs: number[] } {
  const found = { trees: new NumberList(), blobs: new NumberList() };
  for (const root of roots) if (seen.add(root)) found.trees.push(root);
  for (let at = 0; at < found.trees.length;) {
    const end = Math.min(found.trees.length, at + step);
    expand(found.trees.view(at, end).slice(), seen, found);
    at = end;
  }
  return sorted(found);
}

/** The same by `expandAll`, as far as it goes. */
function allAtOnce(
  store: ObjectStore,
  roots: readonly number[],
  seen: ObjectSet,
): { trees: number[]; blobs: number[] } {
  const found = { trees: new NumberList(), blobs: new NumberList() };
  for (const root of roots) if (seen.add(root)) found.trees.push(root);
  let done = 0;
  if (store.expandAll !== undefined) {
    const walk = store.expandAll(seen, found);
    let step = walk.next();
    while (step.done !== true) step = walk.next();
    done = step.value;
  }
  for (; done < found.trees.length; done++) {
    store.expandTrees(Int32Array.of(found.trees.at(done)), seen, found);
  }
  return sorted(found);
}

/** Looks at the pack's entries, by git's index: none has type `never`. */
function assertTypes(pack: Buffer, never: number, target: string): void {
  for (const offset of packOffsets(target)) {
    const type = ((pack[offset] as number) >>> 4) & 7;
    assert.notEqual(type, never, `entry at ${offset}`);
  }
}

function packOffsets(target: string): number[] {
  const listing = gitSync(
    ["-c", "alias.offsets=!cat objects/pack/*.idx | git show-index", "offsets"],
    { cwd: target },
  );
  return lines(listing).map((line) => Number(line.split(" ")[0]));
}

/** The bytes of git's own pack of everything, deltas as they are stored. */
function storedBytes(repository: string): number {
  const oids = lines(gitSync(
    ["cat-file", "--batch-check=%(objectname)", "--batch-all-objects"],
    { cwd: repository },
  ));
  const pack = gitSync(
    ["pack-objects", "--stdout", "-q", "--delta-base-offset", "--window=0"],
    { cwd: repository, input: `${oids.join("\n")}\n` },
  );
  return pack.length;
}

function ascending(a: number, b: number): number {
  return a - b;
}
