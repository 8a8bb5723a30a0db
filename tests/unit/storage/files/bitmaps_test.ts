import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ObjectSet } from "../../../../src/core/object_set.ts";
import {
  type ObjectFormat,
  type Oid,
  SHA1,
  SHA256,
} from "../../../../src/core/oid.ts";
import { Negotiation } from "../../../../src/graph/reach.ts";
import {
  select,
  type Selection,
  type SelectRequest,
} from "../../../../src/graph/select.ts";
import { BLOB, COMMIT, TAG, TREE } from "../../../../src/object/kind.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import { FilePackStore } from "../../../../src/storage/files/packs.ts";
import { FileRepository } from "../../../../src/storage/files/repository.ts";
import { PlainConfig } from "../../../../src/storage/memory/plain_config.ts";
import type { ObjectStore } from "../../../../src/storage/types.ts";
import { packBytes } from "../../../contract/object_store.ts";
import {
  BITMAP_KINDS,
  type BitmapKind,
  packFile,
  packNames,
  reachedBy,
  replaceFile,
  resealed,
  tinyRepository as tiny,
  writeBitmap,
} from "../../../support/bitmaps.ts";
import { graphHistory } from "../../../support/commit_graphs.ts";
import { finishWalk } from "../../../support/fake_graph.ts";
import { copyRepository, importStream } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { FastImport, FIRST_DATE } from "../../../support/fixture_history.ts";
import { gitSync } from "../../../support/git.ts";
import { lines } from "../../../support/git_repository.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import { randomHistory } from "../../graph/random_history.ts";
import { askRealGit } from "../../graph/real_upload_pack.ts";
import { keepingLogger, KERNELS, layoutOf } from "./support.ts";

const OFF = [["pack.usebitmaps", "false"]] as const;

type Pairs = readonly (readonly [string, string])[];

function open(
  path: string,
  config: Pairs = [],
  format: ObjectFormat = SHA1,
): { repository: FileRepository; lines: string[] } {
  const { logger, lines } = keepingLogger();
  const repository = new FileRepository({
    layout: layoutOf(path),
    format,
    config,
    fileSystem: NODE_FILES,
    kernels: KERNELS,
    logger,
  });
  return { repository, lines };
}

async function storeOf(...args: Parameters<typeof open>): Promise<ObjectStore> {
  return (await open(...args).repository.snapshot()).objects;
}

async function hasBitmaps(...args: Parameters<typeof open>): Promise<boolean> {
  return (await storeOf(...args)).bitmaps?.() !== undefined;
}

/** A request by ids. */
interface Ask {
  readonly wants: readonly string[];
  readonly haves: readonly string[];
}

function run(
  store: ObjectStore,
  { wants, haves }: Ask,
  more: Partial<SelectRequest> = {},
): Selection {
  const find = (oid: string): number => store.find(oid as Oid);
  return finishWalk(select(store, {
    wants: wants.map(find),
    haves: haves.map(find),
    cut: new ObjectSet(),
    bases: false,
    ...more,
  })).value;
}

function idsOf(store: ObjectStore, numbers: Iterable<number>): string[] {
  return [...numbers].map((number) => store.oid(number)).sort();
}

/** What git's own walk by bitmaps lists. */
function listedByGit(path: string, { wants, haves }: Ask): string[] {
  const input = [...wants, ...haves.map((have) => `^${have}`)];
  const text = gitSync([
    "rev-list",
    "--objects",
    "--use-bitmap-index",
    "--no-object-names",
    "--stdin",
  ], { cwd: path, input: `${input.join("\n")}\n` });
  return lines(text).sort();
}

/** All that the wants reach less all that the haves reach. */
function difference(path: string, { wants, haves }: Ask): string[] {
  const had = haves.length === 0 ? new Set() : reachedBy(path, haves);
  return [...reachedBy(path, wants)].filter((oid) => !had.has(oid)).sort();
}

/** Objects of a repository by kind, and randomness to choose some. */
interface History {
  readonly path: string;
  readonly random: Random;
  readonly byKind: Readonly<Record<string, readonly string[]>>;
}

/**
 * A random history whose bitmap knows a part of it: the branches of every
 * other commit came after it, loose or in another pack.
 */
function history(
  seed: number,
  kind: BitmapKind,
  part: "all of it" | "the older half",
): History {
  const { path, random } = randomHistory(seed, "skewed", 40);
  const refs = lines(
    gitSync(["for-each-ref", "--format=%(objectname) %(refname)"], {
      cwd: path,
    }),
  );
  const later = part === "all of it"
    ? []
    : refs.filter((line) => random.int(2) === 0 || / .*\/b3\d$/.test(line));
  const update = (command: (oid: string, name: string) => string): void => {
    const input = later.map((line) => {
      const [oid = "", name = ""] = line.split(" ");
      return command(oid, name);
    }).join("");
    gitSync(["update-ref", "--stdin"], { cwd: path, input });
  };
  update((_, name) => `delete ${name}\n`);
  writeBitmap(path, kind);
  update((oid, name) => `create ${name} ${oid}\n`);
  if (random.int(2) === 0 && !kind.startsWith("several")) {
    gitSync(["repack", "-q", "-d"], { cwd: path });
  }
  const byKind: Record<string, string[]> = {};
  const text = gitSync([
    "cat-file",
    "--batch-check=%(objecttype) %(objectname)",
    "--batch-all-objects",
  ], { cwd: path });
  for (const line of lines(text)) {
    const [type = "", oid = ""] = line.split(" ");
    (byKind[type] ??= []).push(oid);
  }
  return { path, random, byKind };
}

function some(random: Random, from: readonly string[], most: number): string[] {
  return Array.from({ length: random.int(most + 1) }, () => random.pick(from));
}

function randomAsk({ random, byKind }: History): Ask {
  const { commit = [], tag = [], tree = [], blob = [] } = byKind;
  const odd = random.int(3) === 0 ? [...tag, ...tag, ...tree, ...blob] : [];
  const more = (): string[] => odd.length === 0 ? [] : some(random, odd, 2);
  return {
    wants: [random.pick(commit), ...some(random, commit, 4), ...more()],
    haves: random.int(4) === 0 ? [] : [...some(random, commit, 4), ...more()],
  };
}

const SMALL_SEED = 101;
const made = new Map<string, string>();

/** A small repository with a bitmap, to be changed by a test. */
function small(kind: BitmapKind, format: ObjectFormat = SHA1): string {
  const key = `${kind} ${format.name}`;
  let path = made.get(key);
  if (path === undefined) {
    path = join(temporaryDirectory("bitmaps"), "made.git");
    graphHistory(path, format.name, SMALL_SEED);
    gitSync(["update-ref", "-d", "refs/heads/topic"], { cwd: path });
    writeBitmap(path, kind);
    made.set(key, path);
  }
  return copyRepository(path, join(temporaryDirectory("copy"), "copy.git"));
}

function tip(path: string, name = "refs/heads/main"): string {
  return gitSync(["rev-parse", name], { cwd: path }).trim();
}

function bitmapOf(path: string): string {
  return packFile(path, ".bitmap");
}

/** Requests, and what is selected for them without any bitmap. */
async function answersWithout(
  path: string,
): Promise<readonly (readonly [Ask, string[]])[]> {
  const store = await storeOf(path, OFF);
  const main = tip(path);
  const asks: Ask[] = [
    { wants: [main], haves: [] },
    { wants: [tip(path, "refs/heads/dev")], haves: [] },
  ];
  return asks.map((ask) => [ask, idsOf(store, run(store, ask).members)]);
}

function assertOrder(store: ObjectStore, { objects }: Selection): void {
  const order = [COMMIT, TAG, TREE, BLOB];
  const kinds = [...objects.view()].map((each) => {
    assert.equal(store.kind(each), store.read(each).kind);
    return order.indexOf(store.kind(each));
  });
  assert.deepEqual(kinds, kinds.toSorted());
}

describe("Bitmaps", () => {
  BITMAP_KINDS.forEach((kind, i) => {
    for (const part of ["all of it", "the older half"] as const) {
      const seed = 200 + 2 * i + (part === "all of it" ? 0 : 1);
      it(`select what git's do: ${kind}, ${part} (seed ${seed})`, async () => {
        const made = history(seed, kind, part);
        const { path } = made;
        const store = await storeOf(path);
        const plain = await storeOf(path, OFF);
        assert.ok(store.bitmaps?.() !== undefined);
        assert.equal(plain.bitmaps?.(), undefined);
        let exact = 0;
        for (let turn = 0; turn < 30; turn++) {
          const ask = randomAsk(made);
          const where = `seed ${seed} turn ${turn} ${JSON.stringify(ask)}`;
          const selection = run(store, ask);
          const ids = idsOf(store, selection.members);
          assert.deepEqual(idsOf(store, selection.objects.view()), ids, where);
          assert.deepEqual(ids, listedByGit(path, ask), where);
          assertOrder(store, selection);
          if (ask.haves.length === 0) {
            assert.deepEqual(ids, idsOf(plain, run(plain, ask).members));
          }
          const had = idsOf(store, selection.had);
          const reached = ask.haves.length === 0
            ? []
            : [...reachedBy(path, ask.haves)].sort();
          if (had.join() !== reached.join()) continue;
          exact++;
          assert.deepEqual(ids, difference(path, ask), where);
        }
        // The rest have nothing of the bitmapped packs.
        assert.ok(exact >= 15, `${exact} of 30 by bitmaps`);
      });
    }
  });

  it("send what the real upload-pack sends (seed 251)", async () => {
    const made = history(251, "one pack", "the older half");
    const store = await storeOf(made.path);
    const tags = made.byKind.tag ?? [];
    for (let turn = 0; turn < 30; turn++) {
      const { wants, haves } = randomAsk(made);
      const commits = haves.filter((have) => !tags.includes(have));
      const negotiation = new Negotiation(store, {
        wants: wants.map((want) => store.find(want as Oid)),
      });
      for (const have of commits) negotiation.add(store.find(have as Oid));
      const { members } = run(store, { wants, haves: [] }, {
        haves: negotiation.haves,
      });
      const answer = await askRealGit(made.path, {
        wants,
        haves: commits,
        done: true,
      });
      const where = `seed 251 turn ${turn}`;
      assert.equal(answer.code, 0, `${where} ${answer.stderr}`);
      assert.deepEqual(idsOf(store, members), answer.objects, where);
    }
  });

  it("make thin packs that their reader can complete (seed 252)", async () => {
    const made = history(252, "one pack", "the older half");
    const store = await storeOf(made.path);
    const { commit = [] } = made.byKind;
    let deltas = 0;
    for (let turn = 0; turn < 8; turn++) {
      const where = `seed 252 turn ${turn}`;
      const haves = some(made.random, commit, 2);
      const wants = [commit[turn] ?? "", made.random.pick(commit)];
      const { objects, members, had } = run(store, { wants, haves });
      const plan = finishWalk(store.planPack({
        objects,
        members,
        bases: had,
        ofsDelta: true,
      })).value;
      deltas += plan.deltas;
      const reader = join(temporaryDirectory("reader"), "reader.git");
      gitSync(["init", "-q", "--bare", reader]);
      if (haves.length > 0) {
        gitSync(["fetch", "-q", made.path, ...haves], { cwd: reader });
      }
      gitSync(["index-pack", "--stdin", "--fix-thin", "--strict"], {
        cwd: reader,
        input: packBytes(plan, SHA1, KERNELS, made.random),
      });
      for (const want of wants) {
        gitSync(["rev-list", "--objects", "--quiet", want], { cwd: reader });
      }
      assert.equal(plan.objects, members.size, where);
    }
    assert.ok(deltas > 0);
  });

  for (const kind of ["one pack", "several packs"] as const) {
    it(`are read in SHA-256 repositories: ${kind}`, async () => {
      const path = small(kind, SHA256);
      const store = await storeOf(path, [], SHA256);
      assert.ok(store.bitmaps?.() !== undefined);
      for (
        const ask of [
          { wants: [tip(path)], haves: [] },
          { wants: [tip(path)], haves: [tip(path, "refs/heads/dev")] },
        ]
      ) {
        const ids = idsOf(store, run(store, ask).members);
        assert.deepEqual(ids, difference(path, ask));
      }
    });
  }

  it("are used where git would, and nowhere else", async () => {
    const path = small("one pack");
    assert.ok(await hasBitmaps(path));
    assert.ok(!await hasBitmaps(path, OFF));
    assert.ok(await hasBitmaps(path, [["core.multipackindex", "false"]]));
    const multi = small("several packs");
    assert.ok(await hasBitmaps(multi));
    assert.ok(!await hasBitmaps(multi, [["core.multipackindex", "false"]]));
    for (const key of ["pack.usebitmaps", "core.multipackindex"]) {
      await assert.rejects(hasBitmaps(path, [[key, "perhaps"]]), {
        code: "bad-config",
      });
    }
    writeFileSync(join(path, "shallow"), "");
    assert.ok(!await hasBitmaps(path));
  });

  it("are left aside for shallow requests and unknown readers", async () => {
    const path = small("one pack");
    const stream = new FastImport();
    const { mark } = stream.commit({
      ref: "refs/heads/alien",
      parents: [],
      date: FIRST_DATE,
      changes: [stream.file("alien", "alien\n")],
    });
    stream.commit({
      ref: "refs/heads/both",
      parents: [mark, "refs/heads/main^0"],
      date: FIRST_DATE + 9_000,
      changes: [stream.file("both", "both\n")],
    });
    importStream(path, stream, "loose");
    const store = await storeOf(path);
    let asked = 0;
    const watched = new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        if (name !== "bitmaps") return value.bind(target);
        return () => {
          const bitmaps = store.bitmaps?.();
          return bitmaps && {
            ...bitmaps,
            kind: (number: number) => bitmaps.kind(number),
            sort: bitmaps.sort.bind(bitmaps),
            reached: () => {
              asked++;
              return bitmaps.reached();
            },
          };
        };
      },
    });
    const both = tip(path, "refs/heads/both");
    const alien = tip(path, "refs/heads/alien");
    const cut = new ObjectSet();
    cut.add(store.find(tip(path) as Oid));
    run(watched, { wants: [both], haves: [] }, { cut });
    run(watched, { wants: [both], haves: [alien] });
    run(watched, { wants: [alien], haves: [alien, tip(path)] });
    assert.equal(asked, 0);
    const ask = { wants: [both], haves: [alien, tip(path)] };
    assert.deepEqual(
      idsOf(store, run(watched, ask).members),
      difference(path, ask),
    );
    assert.ok(asked > 0);
  });

  it("are those of alternates too, and the multi-pack-index's first", async () => {
    const lender = small("one pack");
    const path = join(temporaryDirectory("borrower"), "borrower.git");
    gitSync(["clone", "-q", "--bare", "--shared", lender, path]);
    const ask = { wants: [tip(path)], haves: [] };
    const store = await storeOf(path);
    assert.ok(store.bitmaps?.() !== undefined);
    assert.deepEqual(
      idsOf(store, run(store, ask).members),
      difference(path, ask),
    );
    // With both, a pack's bitmap is not looked at.
    gitSync(["multi-pack-index", "write", "--bitmap"], { cwd: lender });
    const [single = ""] = readdirSync(join(lender, "objects/pack"))
      .filter((name) => /^pack-.*bitmap$/.test(name));
    replaceFile(
      join(lender, "objects/pack", single),
      Uint8Array.of(1, 2, 3),
    );
    const { repository, lines: told } = open(path);
    using snapshot = await repository.snapshot();
    assert.ok(snapshot.objects.bitmaps?.() !== undefined);
    assert.deepEqual(told, []);
  });

  it("are seen by the next snapshot when they come, change and go", async () => {
    const path = small("one pack");
    const file = bitmapOf(path);
    const aside = `${file}.aside`;
    renameSync(file, aside);
    const { repository, lines: told } = open(path);
    const sees = async (): Promise<boolean> => {
      using snapshot = await repository.snapshot();
      return snapshot.objects.bitmaps?.() !== undefined;
    };
    assert.ok(!await sees());
    renameSync(aside, file);
    assert.ok(await sees());
    const whole = readFileSync(file);
    replaceFile(file, whole.subarray(0, 100));
    assert.ok(!await sees());
    assert.equal(told.length, 1);
    replaceFile(file, whole);
    const held = await repository.snapshot();
    assert.ok(held.objects.bitmaps?.() !== undefined);
    rmSync(file);
    // Not while anyone walks.
    assert.ok(await sees());
    held[Symbol.dispose]();
    assert.ok(!await sees());
    assert.equal(told.length, 1);
  });

  it("are kept when a pack comes that they do not know", async () => {
    const path = small("one pack");
    const { repository } = open(path);
    const main = tip(path);
    {
      using snapshot = await repository.snapshot();
      assert.ok(snapshot.objects.bitmaps?.() !== undefined);
    }
    const stream = new FastImport();
    stream.commit({
      ref: "refs/heads/main",
      parents: ["refs/heads/main^0"],
      date: FIRST_DATE + 9_000,
      changes: [stream.file("new", "new\n")],
    });
    importStream(path, stream, "packed");
    assert.equal(packNames(path).length, 2);
    using snapshot = await repository.snapshot();
    const store = snapshot.objects;
    assert.ok(store.bitmaps?.() !== undefined);
    for (const haves of [[], [main]]) {
      const ask = { wants: [tip(path)], haves };
      const ids = idsOf(store, run(store, ask).members);
      assert.deepEqual(ids, difference(path, ask));
    }
  });

  for (
    const kind of ["one pack", "a lookup table", "several packs"] as const
  ) {
    it(`cost a line and no object where a byte is wrong: ${kind} (seed 102)`, async () => {
      const random = seeded(102);
      const path = tiny(kind);
      const answers = await answersWithout(path);
      const victims = readdirSync(join(path, "objects/pack"))
        .filter((name) => /bitmap$|^multi-pack-index$/.test(name))
        .map((name) => join(path, "objects/pack", name));
      for (const victim of victims) {
        const whole = readFileSync(victim);
        const { repository } = open(path);
        for (let at = 0; at < whole.length; at++) {
          const where = `seed ${random.seed} byte ${at} of ${victim}`;
          const flipped = Uint8Array.from(whole);
          flipped[at] = (flipped[at] as number) ^ (1 << random.int(8));
          for (const broken of [flipped, whole.subarray(0, at)]) {
            replaceFile(victim, broken);
            using snapshot = await repository.snapshot();
            const store = snapshot.objects;
            assert.equal(store.bitmaps?.(), undefined, where);
            const [ask, expected] = random.pick(answers);
            const ids = idsOf(store, run(store, ask).members);
            assert.deepEqual(ids, expected, where);
            if (at % 32 > 0) continue;
            await assertAnswers(path, answers, { told: 1, where });
          }
        }
        replaceFile(victim, whole);
      }
      await assertAnswers(path, answers, { told: 0, where: "healed" });
    });

    it(`never end a walk where the checksum is right: ${kind} (seed 103)`, async () => {
      const random = seeded(103);
      const path = tiny(kind);
      const victim = bitmapOf(path);
      const whole = readFileSync(victim);
      const main = tip(path);
      const expected = new Set(reachedBy(path, [main]));
      let fallen = 0;
      for (let at = 8; at < whole.length - 20; at++) {
        const broken = Uint8Array.from(whole);
        broken[at] = (broken[at] as number) ^ (1 << random.int(8));
        replaceFile(victim, resealed(broken, SHA1));
        const { repository, lines: told } = open(path);
        using snapshot = await repository.snapshot();
        const store = snapshot.objects;
        // A bitmap that lies is believed, as git does; what is sent is here.
        const { members } = run(store, { wants: [main], haves: [] });
        for (const each of members) assert.ok(store.has(each));
        assert.ok(told.length <= 1, told.join("\n"));
        if (told.length === 0) continue;
        fallen++;
        assert.deepEqual(
          idsOf(store, members),
          [...expected].sort(),
          `seed ${random.seed} byte ${at}`,
        );
      }
      assert.ok(fallen > 50, `${fallen} were noticed`);
    });
  }

  it("are given up where a lookup table goes round in a circle", async () => {
    const path = small("a lookup table");
    const victim = bitmapOf(path);
    const bytes = Uint8Array.from(readFileSync(victim));
    const count = new DataView(bytes.buffer).getUint32(8);
    const objects = Number(
      gitSync(["show-index"], { input: readFileSync(packFile(path, ".idx")) })
        .split("\n").length - 1,
    );
    const table = bytes.length - 20 - 4 * objects - 16 * count;
    const view = new DataView(bytes.buffer);
    for (let row = 0; row < count; row++) {
      view.setUint32(table + 16 * row + 12, (row + 1) % count);
    }
    const answers = await answersWithout(path);
    replaceFile(victim, resealed(bytes, SHA1));
    await assertAnswers(path, answers, { told: 1, where: "circle" });
  });

  it("are left aside where their pack is another or is gone", async () => {
    const [one, other] = [small("one pack"), tiny("one pack")];
    const victim = bitmapOf(one);
    const answers = await answersWithout(one);
    const whole = readFileSync(victim);
    replaceFile(victim, readFileSync(bitmapOf(other)));
    await assertAnswers(one, answers, { told: 1, where: "other count" });
    const named = Uint8Array.from(whole);
    named.fill(1, 12, 32);
    replaceFile(victim, resealed(named, SHA1));
    await assertAnswers(one, answers, { told: 1, where: "other checksum" });

    // The objects stay, loose: only the pack goes.
    const multi = small("several packs");
    const packs = join(multi, "objects/pack");
    const [first = ""] = packNames(multi);
    const base = first.replace(/\.pack$/, "");
    const kept = temporaryDirectory("kept");
    const move = (from: string, to: string): void => {
      for (const ending of [".pack", ".idx"]) {
        renameSync(join(from, base + ending), join(to, base + ending));
      }
    };
    move(packs, kept);
    gitSync(["unpack-objects", "-q"], {
      cwd: multi,
      input: readFileSync(join(kept, first)),
    });
    await assertAnswers(multi, await answersWithout(multi), {
      told: 1,
      where: "pack gone",
    });
    const { repository } = open(multi);
    const sees = async (): Promise<boolean> => {
      using snapshot = await repository.snapshot();
      return snapshot.objects.bitmaps?.() !== undefined;
    };
    assert.ok(!await sees());
    move(kept, packs);
    assert.ok(await sees());
  });

  it("are left aside in chains of multi-pack-indexes", async () => {
    const path = small("several packs");
    const packs = join(path, "objects/pack");
    const answers = await answersWithout(path);
    const directory = join(packs, "multi-pack-index.d");
    mkdirSync(directory);
    for (const name of readdirSync(packs)) {
      if (!name.startsWith("multi-pack-index") || name.endsWith(".d")) continue;
      renameSync(join(packs, name), join(directory, name));
    }
    writeFileSync(
      join(directory, "multi-pack-index-chain"),
      `${"1".repeat(40)}\n`,
    );
    assert.ok(!await hasBitmaps(path));
    await assertAnswers(path, answers, { told: 0, where: "chain" });
  });

  it("need the order of a multi-pack-index, inside or beside it", async () => {
    const path = small("several packs");
    const answers = await answersWithout(path);
    const file = join(path, "objects/pack/multi-pack-index");
    const bytes = Uint8Array.from(readFileSync(file));
    const { order, stripped, checksum } = withoutOrder(bytes);
    // Its bitmap goes by the checksum, in its name and inside.
    const old = bitmapOf(path);
    const bitmap = Uint8Array.from(readFileSync(old));
    bitmap.set(checksum, 12);
    rmSync(old);
    const name = Buffer.from(checksum).toString("hex");
    const base = `${file}-${name}`;
    replaceFile(`${base}.bitmap`, resealed(bitmap, SHA1));
    replaceFile(file, stripped);
    await assertAnswers(path, answers, { told: 1, where: "no order" });
    const reverse = Uint8Array.from([
      ...[0x52, 0x49, 0x44, 0x58, 0, 0, 0, 1, 0, 0, 0, 1],
      ...order,
      ...checksum,
      ...new Uint8Array(20),
    ]);
    replaceFile(`${base}.rev`, resealed(reverse, SHA1));
    assert.ok(await hasBitmaps(path));
    await assertAnswers(path, answers, { told: 0, where: "beside it" });
    reverse[reverse.length - 30] = 1;
    replaceFile(`${base}.rev`, resealed(reverse, SHA1));
    await assertAnswers(path, answers, { told: 1, where: "another's" });
  });

  it("may be a directory, or a file that cannot be read", async () => {
    const path = small("one pack");
    const answers = await answersWithout(path);
    const victim = bitmapOf(path);
    rmSync(victim);
    mkdirSync(victim);
    await assertAnswers(path, answers, { told: 1, where: "directory" });
  });

  it("are walked in steps", async () => {
    const path = small("one pack");
    const store = await storeOf(path);
    const refs = lines(
      gitSync(["rev-list", "--all"], { cwd: path }),
    );
    const walk = finishWalk(select(store, {
      wants: refs.map((oid) => store.find(oid as Oid)),
      haves: [],
      cut: new ObjectSet(),
      bases: false,
    }));
    assert.ok(walk.yields >= 20, `${walk.yields} yields`);
  });
});

describe("Reverse indexes of packs", () => {
  it("are offered by the pack store unless they are switched off", () => {
    const path = small("a reverse index");
    const expected = Uint8Array.from(readFileSync(packFile(path, ".rev")));
    const stored = (value?: string) => {
      const store = new FilePackStore({
        fileSystem: NODE_FILES,
        kernels: KERNELS,
        complaints: { warn: assert.fail } as never,
        directories: () => [join(path, "objects")],
        now: Date.now,
        ...(value === undefined
          ? {}
          : { config: new PlainConfig({ "pack.readreverseindex": value }) }),
      });
      return store.scan().packs[0];
    };
    assert.deepEqual(stored()?.reverse?.(), expected);
    assert.deepEqual(stored("true")?.reverse?.(), expected);
    assert.equal(stored("false")?.reverse?.(), undefined);
    const file = packFile(path, ".rev");
    chmodSync(file, 0o644);
    rmSync(file);
    assert.equal(stored()?.reverse?.(), undefined);
  });
});

async function assertAnswers(
  path: string,
  answers: readonly (readonly [Ask, string[]])[],
  { told, where }: { readonly told: number; readonly where: string },
): Promise<void> {
  const { repository, lines: log } = open(path);
  for (let round = 0; round < 2; round++) {
    using snapshot = await repository.snapshot();
    const store = snapshot.objects;
    for (const [ask, expected] of answers) {
      assert.deepEqual(idsOf(store, run(store, ask).members), expected, where);
    }
  }
  assert.equal(log.length, told, `${where}\n${log.join("\n")}`);
}

/** A multi-pack-index without its RIDX chunk, which must be the last. */
function withoutOrder(bytes: Uint8Array<ArrayBuffer>) {
  const view = new DataView(bytes.buffer);
  const count = bytes[6] as number;
  const rows = Array.from({ length: count + 1 }, (_, i) => ({
    id: view.getUint32(12 + 12 * i),
    at: view.getUint32(12 + 12 * i + 8),
  }));
  const last = rows[count - 1];
  assert.equal(last?.id, 0x52494458);
  const table = new Uint8Array(12 * count);
  const tableView = new DataView(table.buffer);
  rows.slice(0, count - 1).forEach(({ id, at }, i) => {
    tableView.setUint32(12 * i, id);
    tableView.setUint32(12 * i + 8, at - 12);
  });
  tableView.setUint32(12 * (count - 1) + 8, last.at - 12);
  const head = bytes.slice(0, 12);
  head[6] = count - 1;
  const body = bytes.subarray(12 + 12 * (count + 1), last.at);
  const stripped = resealed(
    Uint8Array.from([...head, ...table, ...body, ...new Uint8Array(20)]),
    SHA1,
  );
  return {
    order: bytes.subarray(last.at, -20),
    stripped,
    checksum: stripped.subarray(-20),
  };
}
