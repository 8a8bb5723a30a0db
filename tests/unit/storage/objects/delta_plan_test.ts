/** Packs with deltas of our own making, taken in by the real git. @module */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import type { Buffer } from "node:buffer";
import { join } from "node:path";
import { concatBytes, fromUtf8 } from "../../../../src/core/bytes.ts";
import { NumberList } from "../../../../src/core/number_list.ts";
import { ObjectSet } from "../../../../src/core/object_set.ts";
import {
  type ObjectFormat,
  type Oid,
  SHA1,
  SHA256,
} from "../../../../src/core/oid.ts";
import { select } from "../../../../src/graph/select.ts";
import { BLOB, REF_DELTA, TREE } from "../../../../src/object/kind.ts";
import { encodeTree } from "../../../../src/object/tree.ts";
import type { ObjectStoreOptions } from "../../../../src/storage/objects/options.ts";
import { openObjectStore } from "../../../../src/storage/objects/source.ts";
import type {
  ObjectStore,
  PackPlan,
  PackRequest,
} from "../../../../src/storage/types.ts";
import { filePorts } from "../../../contract/file_ports.ts";
import { packBytes } from "../../../contract/object_store.ts";
import { emptyRepository } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { FastImport, FIRST_DATE } from "../../../support/fixture_history.ts";
import { GIT, gitSync } from "../../../support/git.ts";
import { lines, objectSet } from "../../../support/git_repository.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import {
  arrayPorts,
  idOf,
  kernels,
  type MadeEntry,
  makePack,
} from "./made_packs.ts";

const SEED = 20_261_125;

/** Where the objects of a history lie. */
const LAYOUTS = ["one pack", "several packs", "loose", "mixed"] as const;
type Layout = typeof LAYOUTS[number];

function bytesOf(args: readonly string[], cwd: string, input: string): Buffer {
  const { stdout, status, stderr } = spawnSync(GIT, args, {
    cwd,
    input,
    maxBuffer: 1 << 28,
  });
  assert.equal(status, 0, `git ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** A pack of what `revisions` reach, as git makes it. */
function gitPack(path: string, revisions: string, ...more: string[]): Buffer {
  const args = ["pack-objects", "--revs", "--stdout", "-q", ...more];
  return bytesOf(args, path, `${revisions}\n`);
}

interface History {
  readonly path: string;
  readonly commits: readonly Oid[];
}

/** Branches that edit files of their own, and take over what they merge. */
function makeHistory(random: Random, format: ObjectFormat): History {
  const path = emptyRepository(temporaryDirectory("history"), format.name);
  const stream = new FastImport();
  const tips: { readonly mark: number; readonly files: Map<string, string> }[] =
    [];
  for (let i = 0; i < 90; i++) {
    const branch = i < 3 ? i : random.int(3);
    const tip = tips[branch] ?? tips[0];
    const files = new Map(tip?.files);
    const other = i > 3 && random.int(6) === 0 ? random.pick(tips) : tip;
    const changed = new Set<string>();
    for (const [name, text] of other?.files ?? []) {
      if (files.get(name) === text) continue;
      files.set(name, text);
      changed.add(name);
    }
    for (let n = i === 0 ? 60 : 1 + random.int(3); n > 0; n--) {
      const name = `dir${random.int(3)}/sub${random.int(4)}/file${
        random.int(9)
      }.txt`;
      files.set(name, editText(random, files.get(name) ?? ""));
      changed.add(name);
    }
    const parents = [tip, other].flatMap((each) => each?.mark ?? []);
    const { mark } = stream.commit({
      ref: `refs/heads/branch${branch}`,
      parents: [...new Set(parents)],
      date: FIRST_DATE + i * 60,
      changes: [...changed].map((name) =>
        stream.file(name, files.get(name) ?? "")
      ),
    });
    tips[branch] = { mark, files };
  }
  gitSync(["fast-import", "--quiet"], { cwd: path, input: stream.bytes() });
  const commits = lines(
    gitSync(["rev-list", "--topo-order", "--reverse", "--all"], { cwd: path }),
  );
  return { path, commits: commits as Oid[] };
}

/** Text with a line changed; a new one where there was none. */
function editText(random: Random, text: string): string {
  const line = (): string =>
    `${random.int(2 ** 31).toString(36)} ${random.next().toString(36)}`;
  const all = text === ""
    ? Array.from({ length: 20 + random.int(60) }, line)
    : text.split("\n");
  all[random.int(all.length)] = line();
  return all.join("\n");
}

/** Lays the objects of a history out anew, in a repository of its own. */
function lay(
  { path, commits }: History,
  layout: Layout,
  format: ObjectFormat,
): string {
  const target = emptyRepository(temporaryDirectory("laid"), format.name);
  const parts = layout === "one pack" || layout === "loose" ? 1 : 3;
  for (let part = 0; part < parts; part++) {
    const cut = (share: number): Oid[] =>
      commits.slice(0, Math.floor(commits.length * share / parts));
    const wanted = cut(part + 1);
    const had = cut(part).map((oid) => `^${oid}`);
    const pack = gitPack(path, [...wanted, ...had].join("\n"), "--thin");
    const isLoose = layout === "loose" || layout === "mixed" && part === 1;
    const args = isLoose
      ? ["unpack-objects", "-q"]
      : ["index-pack", "--stdin", "--fix-thin"];
    gitSync(args, { cwd: target, input: pack });
  }
  return target;
}

function drive<T>(steps: Generator<number, T, void>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

function open(
  path: string,
  format: ObjectFormat,
  options: ObjectStoreOptions = {},
): ObjectStore {
  return openObjectStore(
    filePorts(join(path, "objects")),
    format,
    kernels,
    options,
  );
}

function planFetch(
  store: ObjectStore,
  { wants, haves }: { readonly wants: Oid[]; readonly haves: Oid[] },
  way: { readonly thin: boolean; readonly ofsDelta: boolean },
): PackPlan {
  const { objects, members, had, roots } = drive(select(store, {
    wants: wants.map((oid) => store.find(oid)),
    haves: haves.map((oid) => store.find(oid)),
    cut: new ObjectSet(),
    bases: way.thin,
  }));
  return drive(store.planPack({
    objects,
    members,
    ofsDelta: way.ofsDelta,
    paths: roots,
    ...(way.thin ? { bases: had } : {}),
  }));
}

describe("Deltas for what would go whole", () => {
  for (const format of [SHA1, SHA256]) {
    it(`make fetches as small as git's, ${format.name}`, async () => {
      const seed = SEED + format.rawLength;
      const random = seeded(seed);
      const history = makeHistory(random, format);
      const { commits } = history;
      const tips = lines(
        gitSync(["for-each-ref", "--format=%(objectname)"], {
          cwd: history.path,
        }),
      ) as Oid[];
      for (const layout of LAYOUTS) {
        const path = lay(history, layout, format);
        let ours = 0;
        let gits = 0;
        for (let round = 0; round < 4; round++) {
          const way = { thin: round % 2 === 0, ofsDelta: round < 2 };
          const hint = `seed ${seed}, ${layout}, round ${round}`;
          const have = commits[30 + random.int(commits.length - 40)] as Oid;
          const plan = planFetch(
            open(path, format),
            { wants: tips, haves: [have] },
            way,
          );
          const pack = packBytes(plan, format, kernels, random);
          const target = emptyRepository(
            temporaryDirectory("fetched"),
            format.name,
          );
          gitSync(["index-pack", "--stdin"], {
            cwd: target,
            input: gitPack(path, have),
          });
          gitSync(
            ["index-pack", "--strict", "--stdin", ...fixing(way.thin)],
            { cwd: target, input: pack },
          );
          assert.deepEqual(
            new Set(await objectSet(target)),
            reached(history.path, [...tips, have]),
            hint,
          );
          const theirs = gitPack(
            path,
            [...tips, `^${have}`].join("\n"),
            ...(way.thin ? ["--thin"] : []),
            ...(way.ofsDelta ? ["--delta-base-offset"] : []),
          );
          assert.ok(plan.deltas >= plan.reusedDeltas, hint);
          ours += pack.length;
          gits += theirs.length;
        }
        assert.ok(
          ours <= gits * 1.15,
          `${ours} bytes, git ${gits}: seed ${seed}, ${layout}`,
        );
      }
    });
  }

  it("are made no further than the budgets go", () => {
    const random = seeded(SEED);
    const history = makeHistory(random, SHA1);
    const path = lay(history, "loose", SHA1);
    const { commits } = history;
    const fetch = {
      wants: [commits.at(-1) as Oid],
      haves: [commits[20] as Oid],
    };
    const made = (options: ObjectStoreOptions): number => {
      const store = open(path, SHA1, options);
      const plan = planFetch(store, fetch, { thin: true, ofsDelta: true });
      assert.equal(plan.reusedDeltas, 0);
      return plan.deltas;
    };
    const all = made({});
    assert.ok(all > 0, "none are made");
    assert.equal(made({ deltaSearchBytes: 0 }), 0);
    assert.equal(made({ deltaHeldBytes: 0 }), 0);
    const some = made({ deltaHeldBytes: 200 });
    assert.ok(some > 0 && some < all, `${some} of ${all}`);
  });

  it("never go round in a circle, whatever the stored ones do", async () => {
    for (let round = 0; round < 40; round++) {
      const seed = SEED + 100 + round;
      await crissCross(seeded(seed), `seed ${seed}`);
    }
  });
});

function fixing(thin: boolean): string[] {
  return thin ? ["--fix-thin"] : [];
}

function reached(path: string, revisions: readonly string[]): Set<string> {
  return new Set(lines(gitSync(
    ["rev-list", "--objects", "--no-object-names", "--stdin"],
    { cwd: path, input: `${revisions.join("\n")}\n` },
  )));
}

interface Version {
  readonly oid: Oid;
  readonly data: Uint8Array;
  readonly tree: Oid;
  readonly treeData: Uint8Array;
}

function makeVersions(random: Random): Version[] {
  const versions: Version[] = [];
  let data: Uint8Array = random.bytes(600);
  for (let i = 0; i < 8; i++) {
    data = concatBytes([data, fromUtf8(`line ${i}`), random.bytes(9)]);
    const oid = idOf(BLOB, data);
    const treeData = encodeTree([{ mode: 0o100644, name: "file", oid }]);
    const tree = idOf(TREE, treeData);
    versions.push({ oid, data, tree, treeData });
  }
  return versions;
}

/**
 * Packs of versions of a file in which each delta is based on any other
 * version, here or in another pack, and one pack of whole ones.
 */
async function crissCross(random: Random, hint: string): Promise<void> {
  const versions = makeVersions(random);
  const trees = versions.map(({ tree, treeData }): MadeEntry => ({
    oid: tree,
    type: TREE,
    data: treeData,
  }));
  const whole = ({ oid, data }: Version): MadeEntry => ({
    oid,
    type: BLOB,
    data,
  });
  const made = [makePack([...trees, ...versions.map(whole)])];
  for (let i = 0; i < 3; i++) {
    const entries = versions.filter(() => random.int(2) === 0).map(
      (version) => {
        const base = random.pick(versions);
        if (base === version || random.int(4) === 0) return whole(version);
        const { oid } = version;
        const data = kernels.createDelta(base.data, version.data, Infinity);
        assert.ok(data !== undefined);
        return { oid, type: REF_DELTA, data, base: base.oid };
      },
    );
    // Searched before the whole ones.
    made.unshift(makePack(entries));
  }
  const store = openObjectStore(arrayPorts(made), SHA1, kernels);
  const thin = random.int(2) === 0;
  const isHad = versions.map(() => thin && random.int(3) === 0);
  const sent = versions.filter((_, i) => isHad[i] !== true);
  const had = versions.filter((_, i) => isHad[i] === true);
  const numbers = (of: readonly Version[]): number[] =>
    of.flatMap(({ tree, oid }) => [tree, oid]).map((oid) => store.find(oid));
  const rootOf = (at: number): number =>
    at < 0 ? -1 : store.find((versions[at] as Version).tree);
  const places = versions.map((_, i) => i).filter((i) => isHad[i] !== true)
    .reverse();
  const paths = {
    sent: Int32Array.from(places, rootOf),
    before: Int32Array.from(places, (i) => rootOf(i - 1)),
  };
  const objects = new NumberList();
  objects.pushAll(Int32Array.from(numbers(sent)));
  const request: PackRequest = {
    objects,
    members: setOf(numbers(sent)),
    ofsDelta: random.int(2) === 0,
    paths,
    ...(thin ? { bases: setOf(numbers(had)) } : {}),
  };
  const plan = drive(store.planPack(request));
  const pack = packBytes(plan, SHA1, kernels, random);
  const target = emptyRepository(temporaryDirectory("criss"), "sha1");
  if (had.length > 0) {
    const entries = had.flatMap((version) => [
      whole(version),
      { oid: version.tree, type: TREE, data: version.treeData },
    ]);
    gitSync(["index-pack", "--stdin"], {
      cwd: target,
      input: makePack(entries).pack,
    });
  }
  gitSync(["index-pack", "--stdin", ...fixing(thin)], {
    cwd: target,
    input: pack,
  });
  const all = versions.flatMap(({ tree, oid }) => [tree, oid]).sort();
  assert.deepEqual(await objectSet(target), all, hint);
}

function setOf(numbers: readonly number[]): ObjectSet {
  const set = new ObjectSet();
  for (const number of numbers) set.add(number);
  return set;
}
