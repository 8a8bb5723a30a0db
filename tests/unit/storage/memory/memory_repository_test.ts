import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  type ObjectFormat,
  type Oid,
  SHA1,
  SHA256,
} from "../../../../src/core/oid.ts";
import type { RefName } from "../../../../src/core/ref_name.ts";
import { selectKernels } from "../../../../src/kernels/select.ts";
import { BLOB, COMMIT } from "../../../../src/object/kind.ts";
import type { ObjectStore } from "../../../../src/storage/types.ts";
import { MemoryRepository } from "../../../../src/storage/memory/memory_repository.ts";
import {
  objectStoreContract,
  packBytes,
  planOf,
} from "../../../contract/object_store.ts";
import { emptyRepository } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { gitSync } from "../../../support/git.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";

const kernels = selectKernels();
const AUTHOR = { name: "A U Thor", email: "a@example.com", time: 1700000000 };
const REFUSED = { name: "UsageError" };

/** A small history of several snapshots, and every id in it. */
async function history(
  format: ObjectFormat,
): Promise<{ repository: MemoryRepository; oids: Oid[] }> {
  const repository = new MemoryRepository({ format, kernels });
  const random = seeded(9);
  const oids: Oid[] = [];
  let parents: Oid[] = [];
  for (let i = 0; i < 30; i++) {
    const files = ["b", "a", "a.c", "\u00e9t\u00e9"].map((name) => ({
      mode: 0o100644,
      name,
      oid: repository.addBlob(`${name} ${random.int(5)}\n`),
    }));
    const sub = repository.addTree(files);
    const tree = repository.addTree([
      { mode: 0o120000, name: "link", oid: repository.addBlob("a") },
      { mode: 0o040000, name: "a", oid: sub },
      { mode: 0o100755, name: "a.b", oid: repository.addBlob(random.bytes(i)) },
      {
        mode: 0o160000,
        name: "module",
        oid: "12".repeat(format.rawLength) as Oid,
      },
    ]);
    const commit = repository.addCommit({
      tree,
      parents,
      author: { ...AUTHOR, time: AUTHOR.time + i, zone: "-0330" },
      message: `commit ${i}\n`,
    });
    oids.push(...files.map((file) => file.oid), sub, tree, commit);
    parents = [commit];
    repository.setRef("refs/heads/main", commit);
    if (i % 10 === 9) {
      const name = `v${i}`;
      const tag = repository.addTag({
        target: commit,
        name,
        tagger: AUTHOR,
        message: "tag\n",
      });
      repository.setRef(`refs/tags/${name}`, tag);
      (await repository.snapshot())[Symbol.dispose]();
    }
  }
  return { repository, oids };
}

for (const format of [SHA1, SHA256]) {
  objectStoreContract(`memory, ${format.name}`, async () => {
    const { repository: memory } = await history(format);
    const snapshot = await memory.snapshot();
    const store = snapshot.objects;
    const oids = Array.from({ length: store.count }, (_, n) => store.oid(n));
    const repository = emptyRepository(temporaryDirectory("mem"), format.name);
    const plan = planOf(store, { oids, ofsDelta: true });
    gitSync(["index-pack", "--strict", "--stdin"], {
      cwd: repository,
      input: packBytes(plan, format, kernels, seeded(1)),
    });
    for (const { name, oid } of snapshot.refs.list("")) {
      gitSync(["update-ref", name, oid], { cwd: repository });
    }
    gitSync(["fsck", "--strict", "--full"], { cwd: repository });
    return {
      // A fresh repository each time: snapshots of one share their store.
      open: () => reopen(store, format, oids),
      format,
      repository,
      kernels,
    };
  });
}

async function reopen(
  objects: ObjectStore,
  format: ObjectFormat,
  oids: Oid[],
): Promise<ObjectStore> {
  const fresh = new MemoryRepository({ format, kernels });
  for (const oid of oids) {
    const { kind, data } = objects.read(objects.find(oid));
    fresh.addObject(kind, data);
  }
  return (await fresh.snapshot()).objects;
}

describe("MemoryRepository", () => {
  const blob = (repository: MemoryRepository) => repository.addBlob("text\n");

  it("gives objects the ids that git gives them", () => {
    for (const format of [SHA1, SHA256]) {
      const path = emptyRepository(temporaryDirectory("ids"), format.name);
      const repository = new MemoryRepository({ format, kernels });
      const oid = blob(repository);
      const byGit = (args: string[], input: string) =>
        gitSync(args, { cwd: path, input }).trim();
      assert.equal(
        oid,
        byGit(["hash-object", "-w", "-t", "blob", "--stdin"], "text\n"),
      );
      const entries = ["x", "x.y", "x-", "X"];
      const tree = repository.addTree(
        entries.map((name) => ({ mode: 0o100644, name, oid })),
      );
      assert.equal(
        tree,
        byGit(
          ["mktree"],
          entries.map((name) => `100644 blob ${oid}\t${name}\n`).join(""),
        ),
      );
      const nested = repository.addTree([
        { mode: 0o100644, name: "d.x", oid },
        { mode: 0o040000, name: "d", oid: tree },
        { mode: 0o100644, name: "d0", oid },
      ]);
      assert.equal(
        nested,
        byGit(
          ["mktree"],
          `100644 blob ${oid}\td.x\n040000 tree ${tree}\td\n100644 blob ${oid}\td0\n`,
        ),
      );
      assert.equal(
        repository.addCommit({ tree, author: AUTHOR, message: "m\n" }),
        byGit(
          ["hash-object", "-t", "commit", "--stdin"],
          [
            `tree ${tree}`,
            "author A U Thor <a@example.com> 1700000000 +0000",
            "committer A U Thor <a@example.com> 1700000000 +0000",
            "",
            "m\n",
          ].join("\n"),
        ),
      );
    }
  });

  it("starts empty, with HEAD on an unborn main", async () => {
    using snapshot = await new MemoryRepository({ kernels }).snapshot();
    assert.deepEqual(snapshot.refs.head, { target: "refs/heads/main" });
    assert.equal(snapshot.refs.size, 0);
    assert.equal(snapshot.objects.count, 0);
    assert.deepEqual(snapshot.shallow, []);
  });

  it("keeps a snapshot as it was while refs and objects change", async () => {
    const { repository } = await history(SHA1);
    using before = await repository.snapshot();
    using same = await repository.snapshot();
    assert.equal(before.id, same.id);
    assert.equal(before.objects, same.objects);
    const name = "refs/heads/main" as RefName;
    const old = before.refs.get(name)?.oid as Oid;
    const commit = repository.addCommit({
      tree: repository.addTree([]),
      parents: [old],
      author: AUTHOR,
      message: "new\n",
    });
    repository.setRef(name, commit);
    using after = await repository.snapshot();
    assert.notEqual(after.id, before.id);
    assert.equal(before.refs.get(name)?.oid, old);
    assert.equal(after.refs.get(name)?.oid, commit);
    assert.equal(after.refs.head?.oid, commit);
    assert.ok(after.objects.find(commit) >= 0);
    assert.equal(after.objects.kind(after.objects.find(old)), COMMIT);
  });

  it("lists refs by their bytes, and resolves symrefs", async () => {
    const { repository } = await history(SHA1);
    using first = await repository.snapshot();
    const main = first.refs.get("refs/heads/main" as RefName)?.oid as Oid;
    for (const name of ["refs/heads/b", "refs/heads/a/z", "refs/heads/a-z"]) {
      repository.setRef(name, main);
    }
    repository.setSymbolicRef("refs/remotes/o/HEAD", "refs/heads/b");
    repository.setSymbolicRef("refs/remotes/o/gone", "refs/heads/gone");
    using snapshot = await repository.snapshot();
    const names = (prefix: string) =>
      [...snapshot.refs.list(prefix)].map((ref) => ref.name);
    assert.deepEqual(names("refs/heads/"), [
      "refs/heads/a-z",
      "refs/heads/a/z",
      "refs/heads/b",
      "refs/heads/main",
    ]);
    assert.deepEqual(names("refs/heads/a"), [
      "refs/heads/a-z",
      "refs/heads/a/z",
    ]);
    const symbolic = "refs/remotes/o/HEAD" as RefName;
    assert.deepEqual(snapshot.refs.get(symbolic), {
      name: symbolic,
      oid: main,
      target: "refs/heads/b",
    });
    assert.equal(
      snapshot.refs.get("refs/remotes/o/gone" as RefName),
      undefined,
    );
    assert.equal(repository.deleteRef("refs/heads/b"), Boolean(main));
    assert.equal(repository.deleteRef("refs/heads/b"), !main);
  });

  it("refuses what git would refuse, and says why", () => {
    const repository = new MemoryRepository({ kernels });
    const oid = blob(repository);
    const tree = repository.addTree([]);
    const absent = "12".repeat(20) as Oid;
    const entry = { mode: 0o100644, name: "a", oid };
    const rejected: [() => unknown, RegExp][] = [
      [() => repository.addTree([entry, entry]), /the name is there twice/],
      [() => repository.addTree([{ ...entry, name: "a/b" }]), /no "\/"/],
      [() => repository.addTree([{ ...entry, name: ".." }]), /no file name/],
      [() => repository.addTree([{ ...entry, name: ".Git" }]), /git refuses/],
      [() => repository.addTree([{ ...entry, mode: 0o644 }]), /not a mode/],
      [
        () => repository.addTree([{ ...entry, oid: tree }]),
        /a tree, not a blob/,
      ],
      [() => repository.addTree([{ ...entry, oid: absent }]), /was not added/],
      [
        () => repository.addCommit({ tree: oid, author: AUTHOR, message: "" }),
        /a blob, not a tree/,
      ],
      [
        () =>
          repository.addCommit({
            tree,
            author: { ...AUTHOR, name: "<x>" },
            message: "",
          }),
        /names and addresses have no/,
      ],
      [() => repository.setRef("refs/heads/a..b", oid), /not a valid name/],
      [() => repository.setRef("config", oid), /not a valid name/],
      [() => repository.setRef("refs/heads/a", oid), /a blob, not a commit/],
      [() => repository.setSymbolicRef("HEAD", "FETCH_HEAD"), /not below refs/],
      [
        () => repository.addTag({ target: oid, name: "a b", message: "" }),
        /not valid for a ref/,
      ],
    ];
    for (const [act, message] of rejected) {
      assert.throws(act, { ...REFUSED, message });
    }
    repository.setRef("refs/blobs/a", oid);
    assert.throws(() => repository.setRef("refs/blobs/a/b", oid), {
      ...REFUSED,
      message: /"refs\/blobs\/a" exists/,
    });
    assert.throws(
      () => repository.addObject(COMMIT, Buffer.from("tree x")),
      { code: "corrupt-object" },
    );
  });

  it("copies the bytes that it is given", async () => {
    const repository = new MemoryRepository({ kernels });
    const data = new Uint8Array([1, 2, 3]);
    const oid = repository.addObject(BLOB, data);
    data.fill(9);
    using snapshot = await repository.snapshot();
    const { objects } = snapshot;
    assert.deepEqual([...objects.read(objects.find(oid)).data], [1, 2, 3]);
  });

  it("answers for its configuration as git does", () => {
    const repository = new MemoryRepository({
      kernels,
      config: {
        "uploadPack.allowFilter": true,
        "a.Sub.Section.B": ["1k", "no"],
        "pack.window": "2M",
        "x.bad": "maybe",
      },
    });
    const { config } = repository;
    assert.ok(config.boolean("uploadpack.allowfilter"));
    assert.equal(config.get("a.Sub.Section.b"), "no");
    assert.equal(config.get("a.sub.section.b"), undefined);
    assert.deepEqual(config.all("a.Sub.Section.b"), ["1k", "no"]);
    assert.equal(config.integer("pack.window"), 2 * 1024 * 1024);
    assert.equal(config.integer("pack.depth"), undefined);
    assert.throws(() => config.boolean("x.bad"), {
      code: "bad-config",
      message: "bad boolean config value 'maybe' for 'x.bad'",
    });
    assert.throws(() => config.integer("x.bad"), { code: "bad-config" });
    assert.equal([...config.entries()].length, 5);
  });
});
