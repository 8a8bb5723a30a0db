import assert from "node:assert/strict";
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Oid, SHA1 } from "../../../../src/core/oid.ts";
import { ObjectSource } from "../../../../src/storage/objects/source.ts";
import { type FilePorts, filePorts } from "../../../contract/file_ports.ts";
import {
  allObjects,
  packBytes,
  planOf,
} from "../../../contract/object_store.ts";
import { emptyRepository } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { gitSync } from "../../../support/git.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import { kernels } from "./made_packs.ts";

interface Subject {
  readonly path: string;
  readonly ports: FilePorts;
  readonly source: ObjectSource;
  readonly warnings: string[];
}

function subject(): Subject {
  const path = emptyRepository(temporaryDirectory("source"), "sha1");
  const ports = filePorts(join(path, "objects"));
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const source = new ObjectSource(ports, SHA1, kernels, { warn });
  return { path, ports, source, warnings };
}

/** Writes blobs, packs everything that is loose, and gives the ids. */
function pack(path: string, ...contents: string[]): Oid[] {
  const oids = contents.map((input) => blob(path, input));
  gitSync(["pack-objects", "-q", "objects/pack/pack"], {
    cwd: path,
    input: `${oids.join("\n")}\n`,
  });
  gitSync(["prune-packed", "-q"], { cwd: path });
  return oids;
}

function blob(path: string, input: string): Oid {
  const args = ["hash-object", "-w", "--stdin"];
  return gitSync(args, { cwd: path, input }).trim() as Oid;
}

/** All objects in one new pack, the old ones gone. */
function gather(path: string): void {
  const oids = allObjects(path).map((object) => object.oid);
  const old = readdirSync(join(path, "objects/pack"));
  gitSync(["pack-objects", "-q", "objects/pack/pack"], {
    cwd: path,
    input: `${oids.join("\n")}\n`,
  });
  for (const name of old) rmSync(join(path, "objects/pack", name));
}

describe("ObjectSource", () => {
  it("keeps nothing open for a session that outlives it", () => {
    const { path, ports, source } = subject();
    const [oid] = pack(path, "a") as [Oid];
    const before = source.snapshot();
    source.close();
    // A session takes one more snapshot of a repository that was dropped.
    const after = source.snapshot();
    after.store.read(after.store.find(oid));
    assert.equal(ports.openFiles(), 1);
    after.release();
    before.release();
    assert.equal(ports.openFiles(), 0);
  });

  it("shares one store between snapshots while nothing changes", () => {
    const { path, ports, source } = subject();
    const [oid] = pack(path, "a") as [Oid];
    const first = source.snapshot();
    const second = source.snapshot();
    assert.equal(first.store, second.store);
    assert.equal(first.id, second.id);
    first.store.read(first.store.find(oid));
    assert.equal(ports.openFiles(), 1);
    first.release();
    first.release();
    second.release();
    // Kept for the next request.
    assert.equal(source.snapshot().store, first.store);
    assert.equal(ports.indexesRead(), 1);
  });

  it("opens only what is new, and closes what nobody uses", () => {
    const { path, ports, source } = subject();
    const [a] = pack(path, "a") as [Oid];
    const old = source.snapshot();
    old.store.read(old.store.find(a));
    const [b] = pack(path, "b") as [Oid];
    const next = source.snapshot();
    assert.notEqual(next.store, old.store);
    assert.notEqual(next.id, old.id);
    assert.equal(ports.indexesRead(), 2);
    next.store.read(next.store.find(a));
    next.store.read(next.store.find(b));
    assert.equal(ports.openFiles(), 2);
    gather(path);
    const last = source.snapshot();
    last.store.read(last.store.find(a));
    assert.equal(ports.openFiles(), 3);
    // Still readable, though their packs are gone.
    assert.equal(old.store.read(old.store.find(a)).data.length, 1);
    old.release();
    next.release();
    assert.equal(ports.openFiles(), 1);
    last.release();
    source.close();
    assert.equal(ports.openFiles(), 0);
  });

  it("finds objects again whose pack vanished before it was opened", () => {
    const { path, source } = subject();
    const oids = pack(path, "a", "b", "c");
    const kept = source.snapshot();
    const read = source.snapshot();
    const [a, b, c] = oids.map((oid) => read.store.find(oid)) as [
      number,
      number,
      number,
    ];
    gather(path);
    rmSync(join(path, "objects/pack"), { recursive: true });
    // Unpacked by hand: a loose copy of each.
    for (const content of ["a", "b", "c"]) blob(path, content);
    assert.equal(read.store.read(a).data.length, 1);
    assert.equal(kept.store.kind(b), 3);
    const plan = planOf(kept.store, { oids, ofsDelta: true });
    const bytes = packBytes(plan, SHA1, kernels, seeded(1));
    assert.equal(bytes.length > 12, kept.store.has(c));
  });

  it("finds objects that came after the snapshot, once", () => {
    const { path, source } = subject();
    pack(path, "a");
    const { store } = source.snapshot();
    const number = store.intern(blob(path, "later"));
    assert.ok(!store.has(number));
    assert.equal(store.read(number).data.length, 5);
    assert.ok(store.has(number));
    const [oid] = pack(path, "last") as [Oid];
    assert.ok(store.find(oid) >= 0);
    const after = blob(path, "too late");
    assert.equal(store.find(after), -1);
    // A new snapshot looks by itself.
    assert.ok(source.snapshot().store.find(after) >= 0);
  });

  it("sees that a pack was replaced under its name", () => {
    const { path, source } = subject();
    const [oid] = pack(path, "a") as [Oid];
    const { store } = source.snapshot();
    const directory = join(path, "objects/pack");
    const name = readdirSync(directory).find((each) => each.endsWith(".pack"));
    const aside = join(path, "aside");
    renameSync(join(directory, name as string), aside);
    // Another pack of as many objects: only the checksum at its end tells.
    const other = new Uint8Array(readFileSync(aside));
    other[other.length - 1] = 1 ^ (other.at(-1) as number);
    writeFileSync(join(directory, name as string), other);
    assert.throws(() => store.read(store.find(oid)), {
      code: "missing-object",
    });
    renameSync(aside, join(directory, name as string));
    pack(path, "b");
    const next = source.snapshot().store;
    assert.equal(next.read(next.find(oid)).data.length, 1);
  });

  it("leaves out a pack whose index is broken, and says so", () => {
    const { path, source, warnings } = subject();
    const [oid] = pack(path, "a") as [Oid];
    const directory = join(path, "objects/pack");
    writeFileSync(join(directory, "pack-broken.idx"), "no index");
    const { store } = source.snapshot();
    assert.equal(store.read(store.find(oid)).data.length, 1);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] as string, /pack-broken\.idx: .*too small/);
  });

  it("starts afresh after too many ids that are not here", () => {
    const { path, ports } = subject();
    pack(path, "a");
    const source = new ObjectSource(ports, SHA1, kernels, { maxAbsent: 10 });
    const { store } = source.snapshot();
    for (let i = 0; i < 11; i++) {
      store.intern(i.toString(16).padStart(40, "0") as Oid);
    }
    assert.notEqual(source.snapshot().store, store);
  });

  it("reads 64-bit offsets", () => {
    const { path, source } = subject();
    const oids = pack(path, "a", "b".repeat(500), "c");
    const directory = join(path, "objects/pack");
    const name = readdirSync(directory).find((each) => each.endsWith(".pack"));
    const packFile = join(directory, name as string);
    const index = packFile.replace(/pack$/, "idx");
    rmSync(index);
    gitSync(["index-pack", "--index-version=2,0x20", packFile], { cwd: path });
    assert.ok(existsSync(index));
    const { store } = source.snapshot();
    for (const oid of oids) store.read(store.find(oid));
  });
});
