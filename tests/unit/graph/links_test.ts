import assert from "node:assert/strict";
import { FileSystemBackend } from "../../../src/compose/files.ts";
import { concatBytes, fromHex } from "../../../src/core/bytes.ts";
import { ObjectSet } from "../../../src/core/object_set.ts";
import { checkLinks } from "../../../src/graph/links.ts";
import { FsckRefusal } from "../../../src/object/fsck/refusal.ts";
import { BLOB, COMMIT, TAG, TREE } from "../../../src/object/kind.ts";
import { finishWalk } from "../../support/fake_graph.ts";
import {
  type OddObject,
  oddObject,
  oddPack,
  oddRepository,
  treeEntry,
} from "../../support/fsck_objects.ts";
import { tryGit } from "../../support/git.ts";
import { lines } from "../../support/git_repository.ts";
import { describe, it } from "../../support/test.ts";

const GONE = "12".repeat(20);
const WHO = "A <a@b> 1600000000 +0000";

function commit(tree: string, ...parents: readonly string[]): OddObject {
  return oddObject(
    COMMIT,
    `tree ${tree}\n${parents.map((id) => `parent ${id}\n`).join("")}` +
      `author ${WHO}\ncommitter ${WHO}\n\nx\n`,
  );
}

function tag(target: string, kind: string): OddObject {
  const head = `object ${target}\ntype ${kind}\ntag t\n`;
  return oddObject(TAG, `${head}tagger ${WHO}\n\nx\n`);
}

const BLOB_X = oddObject(BLOB, "x");
const TREE_X = oddObject(TREE, treeEntry("100644", "f", BLOB_X.oid));
const COMMIT_X = commit(TREE_X.oid);
const HERE = [BLOB_X, TREE_X, COMMIT_X];

const TREE_Y = oddObject(TREE, treeEntry("40000", "d", TREE_X.oid));
const PACKS: readonly (readonly OddObject[])[] = [
  [],
  [commit(TREE_X.oid, COMMIT_X.oid)],
  [TREE_Y, commit(TREE_Y.oid)],
  [oddObject(TREE, treeEntry("160000", "s", GONE))],
  [tag(BLOB_X.oid, "blob"), tag(COMMIT_X.oid, "commit")],
  [commit(GONE)],
  [commit(TREE_X.oid, GONE)],
  [commit(BLOB_X.oid)],
  [commit(TREE_X.oid, BLOB_X.oid)],
  [oddObject(TREE, treeEntry("100644", "f", GONE))],
  [oddObject(TREE, treeEntry("40000", "f", GONE))],
  [oddObject(TREE, treeEntry("40000", "f", COMMIT_X.oid))],
  [oddObject(TREE, treeEntry("100644", "f", TREE_X.oid))],
  [tag(GONE, "tag")],
  [tag(BLOB_X.oid, "tree")],
];

describe("checkLinks", () => {
  it("refuses as index-pack and unpack-objects do", async () => {
    const receiver = oddRepository(HERE);
    let refused = 0;
    for (const [index, pack] of PACKS.entries()) {
      const path = oddRepository([...HERE, ...pack]);
      const repository = await new FileSystemBackend(path)
        .openDirectory(path, "strict");
      using snapshot = await repository.snapshot();
      for (const as of ["index-pack", "unpack-objects"] as const) {
        const { stderr, code } = await tryGit(
          as === "index-pack"
            ? ["index-pack", "--stdin", "--strict"]
            : ["unpack-objects", "-q", "--strict"],
          { cwd: receiver, input: oddPack(pack) },
        );
        let said: string[] = [];
        try {
          finishWalk(checkLinks(snapshot.objects, {
            count: pack.length,
            ids: concatBytes(
              pack.map(({ oid }) => fromHex(oid) as Uint8Array),
            ),
            kinds: Uint8Array.from(pack, ({ kind }) => kind),
            cut: new ObjectSet(),
            as,
          }));
        } catch (error) {
          if (!(error instanceof FsckRefusal)) throw error;
          said = [`fatal: ${error.message}`];
          refused++;
        }
        const where = `${as} pack ${index}`;
        assert.equal(said.length > 0, code !== 0, where);
        assert.deepEqual(said, lines(stderr), where);
      }
    }
    assert.equal(refused, 20);
  });

  it("takes a commit at the boundary for one without parents", async () => {
    const shallow = commit(TREE_X.oid, GONE);
    const path = oddRepository([...HERE, shallow]);
    const repository = await new FileSystemBackend(path)
      .openDirectory(path, "strict");
    using snapshot = await repository.snapshot();
    const cut = new ObjectSet();
    cut.add(snapshot.objects.find(shallow.oid));
    finishWalk(checkLinks(snapshot.objects, {
      count: 1,
      ids: fromHex(shallow.oid) as Uint8Array,
      kinds: Uint8Array.of(COMMIT),
      cut,
      as: "index-pack",
    }));
  });
});
