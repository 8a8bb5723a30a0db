/**
 * Repositories whose refs are in reftables, read from disk. The tables are
 * written by an encoder of the tests' own; `tests/conformance` has those that
 * a newer git writes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FileSystem } from "../../../../src/core/host.ts";
import { type ObjectFormat, SHA1, SHA256 } from "../../../../src/core/oid.ts";
import type { RefName } from "../../../../src/core/ref_name.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import { FileBackend } from "../../../../src/storage/files/backend.ts";
import { Complaints } from "../../../../src/storage/files/complaints.ts";
import { ReftableRefStore } from "../../../../src/storage/files/reftable/refs.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { gitSync } from "../../../support/git.ts";
import {
  convertToReftable,
  encodeReftable,
  type TableOptions,
  type TableRef,
  writeStack,
} from "../../../support/reftable.ts";
import { beforeEach, describe, it } from "../../../support/test.ts";
import {
  countingFiles,
  describeRefs,
  failureOf,
  keepingLogger,
  KERNELS,
  layoutOf,
} from "./support.ts";

const LATER = () => Date.now() + 60_000;
const ONE = "1".repeat(40);
const TWO = "2".repeat(40);
const TAG = "3".repeat(40);
const DUMMY = "ref: refs/heads/.invalid\n";

let path = "";

function table(
  name: string,
  refs: readonly TableRef[],
  options?: TableOptions,
): { name: string; bytes: Uint8Array } {
  return { name, bytes: encodeReftable(refs, options).bytes };
}

function storeOf(
  options: {
    fileSystem?: FileSystem;
    now?: () => number;
    format?: ObjectFormat;
    at?: string;
  } = {},
): { store: ReftableRefStore; lines: string[] } {
  const { logger, lines } = keepingLogger();
  const store = new ReftableRefStore({
    fileSystem: options.fileSystem ?? NODE_FILES,
    layout: layoutOf(options.at ?? path),
    format: options.format ?? SHA1,
    complaints: new Complaints(logger),
    now: options.now ?? Date.now,
    kernels: KERNELS,
  });
  return { store, lines };
}

function backend(): FileBackend {
  return new FileBackend({
    exposure: { rules: "friendly", root: path },
    fileSystem: NODE_FILES,
    kernels: KERNELS,
    logger: keepingLogger().logger,
    owners: { uid: -1 },
  });
}

beforeEach(() => {
  path = temporaryDirectory("reftable");
  gitSync(["init", "-q", "--bare", path]);
  convertToReftable(path);
});

describe("the refs of a reftable repository", () => {
  it("come from its tables, HEAD and symrefs among them", async () => {
    writeStack(path, [
      table("a.ref", [
        { name: "HEAD", symref: "refs/heads/main" },
        { name: "ORIG_HEAD", oid: TWO },
        { name: "refs/heads/gone", oid: ONE },
        { name: "refs/heads/main", oid: ONE },
        { name: "refs/heads/void", symref: "refs/heads/nowhere" },
        { name: "refs/remotes/o/HEAD", symref: "refs/heads/main" },
        { name: "refs/symbolic/root", symref: "ORIG_HEAD" },
        { name: "refs/tags/v1", oid: TAG, peeled: ONE },
      ]),
      table("b.ref", [
        { name: "refs/heads/gone" },
        { name: "refs/heads/main", oid: TWO },
      ]),
    ]);
    const refs = await storeOf().store.read();
    assert.deepEqual(refs.head, { target: "refs/heads/main", oid: TWO });
    assert.deepEqual(describeRefs(refs), [
      `refs/heads/main ${TWO} `,
      `refs/remotes/o/HEAD ${TWO} refs/heads/main`,
      `refs/symbolic/root ${TWO} ORIG_HEAD`,
      `refs/tags/v1 ${TAG} `,
    ]);
    assert.equal(refs.size, 4);
    assert.equal(refs.get("refs/tags/v1" as RefName)?.peeled, ONE);
    assert.equal(refs.get("refs/heads/gone" as RefName), undefined);
    assert.equal(refs.get("refs/heads/void" as RefName), undefined);
    assert.equal(refs.get("ORIG_HEAD" as RefName), undefined);
    const unborn = (name: string) => refs.unborn?.(name as RefName);
    assert.equal(unborn("refs/heads/void"), "refs/heads/nowhere");
    assert.equal(unborn("refs/remotes/o/HEAD"), undefined);
    assert.equal(unborn("refs/heads/main"), undefined);
    assert.equal(unborn("refs/heads/gone"), undefined);
    assert.equal(
      refs.get("refs/remotes/o/HEAD" as RefName)?.target,
      "refs/heads/main",
    );
  });

  it("may be none, with a HEAD that is unborn, detached or broken", async () => {
    const { store } = storeOf();
    assert.equal((await store.read()).head, undefined);
    const heads: [TableRef[], unknown][] = [
      [[{ name: "HEAD", symref: "refs/heads/x" }], { target: "refs/heads/x" }],
      [[{ name: "HEAD", oid: ONE }], { oid: ONE }],
      [[{ name: "HEAD", oid: SHA1.zero }], undefined],
      [[{ name: "HEAD", symref: "HEAD" }], undefined],
      [[{ name: "HEAD", symref: "config" }], undefined],
      [[
        { name: "HEAD", symref: "refs/heads/z" },
        { name: "refs/heads/z", oid: SHA1.zero },
      ], undefined],
    ];
    for (const [i, [records, head]] of heads.entries()) {
      writeStack(path, [table(`${i}.ref`, records)]);
      const refs = await store.read();
      assert.deepEqual(refs.head, head, JSON.stringify(records));
      assert.deepEqual(describeRefs(refs), []);
    }
  });

  it("are read again only when the stack has changed", async () => {
    const { files, counts, forget } = countingFiles();
    let now = LATER();
    const { store } = storeOf({ fileSystem: files, now: () => now });
    writeStack(path, [table("a.ref", [{ name: "refs/heads/a", oid: ONE }])]);
    const before = await store.read();
    assert.equal(await store.read(), before);
    forget();
    assert.equal(await store.read(), before);
    assert.deepEqual([...counts], [["stat", 1]]);
    writeStack(path, [table("b.ref", [{ name: "refs/heads/b", oid: TWO }])]);
    writeFileSync(join(path, "reftable/tables.list"), "a.ref\nb.ref\n");
    now += 1;
    forget();
    const after = await store.read();
    assert.equal(counts.get("open"), 1, "the first table is kept");
    assert.notEqual(after.id, before.id);
    assert.equal(after.size, 2);
    assert.equal(before.size, 1, "a snapshot stays as it was");
  });

  it("are read once more where a table vanishes in a compaction", async () => {
    writeStack(path, [
      table("a.ref", [{ name: "refs/heads/a", oid: ONE }]),
      table("b.ref", [{ name: "refs/heads/b", oid: TWO }]),
    ]);
    let compactions = 0;
    const compact = (): void => {
      const n = compactions++;
      if (n >= 5) return;
      writeStack(path, [table(`c${n}.ref`, [
        { name: "refs/heads/a", oid: ONE },
        { name: "refs/heads/b", oid: TWO },
      ])]);
      for (const old of ["a.ref", "b.ref", `c${n - 1}.ref`]) {
        rmSync(join(path, "reftable", old), { force: true });
      }
    };
    const files: FileSystem = {
      ...countingFiles().files,
      open: (
        file,
      ) => (file.endsWith(".ref") ? compact() : undefined,
        NODE_FILES.open(file)),
    };
    const refs = await storeOf({ fileSystem: files }).store.read();
    assert.equal(compactions, 6);
    assert.deepEqual(describeRefs(refs), [
      `refs/heads/a ${ONE} `,
      `refs/heads/b ${TWO} `,
    ]);
  });

  it("are of either object format, and of no other than the config's", async () => {
    const long = "4".repeat(64);
    writeStack(path, [
      table("a.ref", [{ name: "refs/heads/a", oid: long }], {
        version: 2,
        hash: "s256",
      }),
    ]);
    const refs = await storeOf({ format: SHA256 }).store.read();
    assert.deepEqual(describeRefs(refs), [`refs/heads/a ${long} `]);
    const error = await failureOf(() => storeOf().store.read(), "bad-reftable");
    assert.match(error.message, /its ids are not sha1/);
  });

  it("are not shown where a table is missing, cut or damaged", async () => {
    const good = table("a.ref", [{ name: "refs/heads/a", oid: ONE }]);
    const list = join(path, "reftable/tables.list");
    const spoil: [() => void, RegExp][] = [
      [() => rmSync(join(path, "reftable/a.ref")), /a\.ref, which is missing/],
      [() => rmSync(list), /tables\.list is missing/],
      [() => writeFileSync(list, "../../HEAD\n"), /names no table/],
      [
        () => writeFileSync(join(path, "reftable/a.ref"), "REFT"),
        /corrupt reftable file .*a\.ref: /,
      ],
      [
        () =>
          writeFileSync(
            join(path, "reftable/a.ref"),
            good.bytes.subarray(0, good.bytes.length - 1),
          ),
        /corrupt reftable file .*a\.ref: /,
      ],
    ];
    for (const [damage, words] of spoil) {
      writeStack(path, [good]);
      damage();
      const error = await failureOf(
        () => storeOf().store.read(),
        "bad-reftable",
      );
      assert.match(error.message, words);
    }
  });

  it("are a linked worktree's own where git says so", async () => {
    const linked = join(path, "worktrees/w");
    mkdirSync(linked, { recursive: true });
    writeFileSync(join(linked, "HEAD"), DUMMY);
    writeFileSync(join(linked, "commondir"), "../..\n");
    writeStack(path, [table("a.ref", [
      { name: "HEAD", symref: "refs/heads/main" },
      { name: "refs/bisect/bad", oid: TWO },
      { name: "refs/heads/main", oid: ONE },
      { name: "refs/heads/side", oid: TWO },
      { name: "refs/worktree/x", oid: ONE },
    ])]);
    writeStack(linked, [table("w.ref", [
      { name: "HEAD", symref: "refs/heads/side" },
      { name: "refs/bisect/good", oid: ONE },
      // No git writes this here; the shared ref must not be hidden.
      { name: "refs/heads/main", oid: TAG },
      { name: "refs/rewritten/r", symref: "refs/heads/main" },
    ])]);
    const own = await storeOf({ at: linked }).store.read();
    assert.deepEqual(own.head, { target: "refs/heads/side", oid: TWO });
    assert.deepEqual(describeRefs(own), [
      `refs/bisect/good ${ONE} `,
      `refs/heads/main ${ONE} `,
      `refs/heads/side ${TWO} `,
      `refs/rewritten/r ${ONE} refs/heads/main`,
    ]);
    const main = await storeOf().store.read();
    assert.deepEqual(main.head, { target: "refs/heads/main", oid: ONE });
    assert.equal(main.size, 4);
  });

  it("with bad names are told once and left out", async () => {
    writeStack(path, [table("a.ref", [
      { name: "refs/heads/a b", oid: ONE },
      { name: "refs/heads/ok", oid: ONE },
    ])]);
    const { store, lines } = storeOf();
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(describeRefs(await store.read()), [
        `refs/heads/ok ${ONE} `,
      ]);
    }
    assert.deepEqual(lines, ["ignoring ref with broken name refs/heads/a b"]);
  });
});

describe("a repository in the middle of `git refs migrate`", () => {
  it("is followed from reftables to files and back", async () => {
    writeStack(path, [
      table("a.ref", [{ name: "HEAD", symref: "refs/heads/main" }]),
    ]);
    const server = backend();
    const opened = await server.openAt(path, "strict");
    using snapshot = await opened.snapshot();
    assert.equal(snapshot.refs.head?.target, "refs/heads/main");
    rmSync(join(path, "refs/heads"));
    mkdirSync(join(path, "refs/heads"));
    writeFileSync(join(path, "HEAD"), "ref: refs/heads/other\n");
    writeFileSync(
      join(path, "config"),
      "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
    );
    using moved = await (await server.openAt(path, "strict")).snapshot();
    assert.equal(moved.refs.head?.target, "refs/heads/other");
    server.close();
  });

  it("never passes for one without refs", async () => {
    // The refs are in reftables already, the configuration is the old one.
    writeFileSync(
      join(path, "config"),
      "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
    );
    const server = backend();
    const error = await failureOf(
      async () => (await server.openAt(path, "strict")).snapshot(),
      "unsupported-repository",
    );
    assert.match(error.message, /are in reftables/);
    server.close();
  });
});
