import assert from "node:assert/strict";
import { UsageError } from "../../../src/core/errors.ts";
import type { Oid } from "../../../src/core/oid.ts";
import type { RefName } from "../../../src/core/ref_name.ts";
import { BLOB } from "../../../src/object/kind.ts";
import {
  expandNamespace,
  inNamespace,
} from "../../../src/service/namespaces.ts";
import { describe, it } from "../../support/test.ts";
import { FakeRepository } from "./fake_repository.ts";
import { pkt, pkts, talk, unpkt } from "./talk.ts";

const A = "refs/namespaces/a/";

describe("a value of GIT_NAMESPACE", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", ""],
    ["a", A],
    ["a/b", `${A}refs/namespaces/b/`],
    ["a//b", `${A}refs/namespaces/b/`],
    ["//a", A],
    ["@", "refs/namespaces/@/"],
    ["caf\xe9", "refs/namespaces/caf\xe9/"],
  ];
  for (const [value, prefix] of cases) {
    it(`means '${prefix}' where it is '${value}'`, () => {
      assert.equal(expandNamespace(value), prefix);
    });
  }

  for (const value of ["a/", "/", "a/../b", "a b", ".a", "a.lock", "a@{b"]) {
    it(`is refused in git's words where it is '${value}'`, () => {
      assert.throws(
        () => expandNamespace(value),
        new UsageError(
          "bad-namespace",
          `bad git namespace path "${value}"`,
        ),
      );
    });
  }

  it("is told without what could harm a terminal", () => {
    assert.throws(
      () => expandNamespace("a\x1b[2J"),
      (error: Error) => !error.message.includes("\x1b"),
    );
  });
});

/** main: one - two; in namespace a, main: one - three, with a tag of three. */
function history() {
  const repository = new FakeRepository();
  let time = 0;
  const commit = (...parents: Oid[]): Oid => {
    const blob = repository.put(BLOB, `${++time}\n`);
    return repository.commit(repository.tree({ blob }), parents, time);
  };
  const one = commit();
  const two = commit(one);
  const three = commit(one);
  const tag = repository.tag(three, "v1");
  const outer = repository.tag(three, "outer");
  repository.ref("HEAD", "ref: refs/heads/main");
  repository.ref("refs/heads/main", two);
  repository.ref("refs/tags/outer", outer);
  repository.ref("refs/tags/start", one);
  repository.ref(`${A}HEAD`, `ref: ${A}refs/heads/main`);
  repository.ref(`${A}refs/heads/main`, three);
  repository.ref(`${A}refs/heads/base`, one);
  repository.ref(`${A}refs/tags/v1`, tag);
  return { repository, one, two, three, tag };
}

describe("a repository in a namespace", () => {
  it("is itself without one", () => {
    const { repository } = history();
    assert.equal(inNamespace(repository, ""), repository);
  });

  it("has the refs of the namespace alone, under their short names", async () => {
    const { repository, three } = history();
    using snapshot = await inNamespace(repository, A).snapshot();
    const { refs } = snapshot;
    assert.deepEqual(
      [...refs.list("refs/")].map(({ name }) => name),
      ["refs/heads/base", "refs/heads/main", "refs/tags/v1"],
    );
    assert.equal(refs.size, 3);
    assert.equal(refs.get("refs/heads/main" as RefName)?.oid, three);
    assert.equal(refs.get("refs/tags/start" as RefName), undefined);
    assert.deepEqual(refs.head, { oid: three, target: "refs/heads/main" });
  });

  const heads: readonly (readonly [string, string, unknown])[] = [
    ["missing", "", undefined],
    ["unborn", `ref: ${A}refs/heads/none`, { target: "refs/heads/none" }],
    ["unborn in another", "ref: refs/heads/none", undefined],
  ];
  for (const [what, value, expected] of heads) {
    it(`has a HEAD that is ${what}`, async () => {
      const { repository } = history();
      repository.refs.delete(`${A}HEAD`);
      if (value !== "") repository.ref(`${A}HEAD`, value);
      using snapshot = await inNamespace(repository, A).snapshot();
      assert.deepEqual(snapshot.refs.head, expected);
    });
  }

  it("tells nothing of where a HEAD leads out of it", async () => {
    const { repository, two } = history();
    repository.ref(`${A}HEAD`, "ref: refs/heads/main");
    using snapshot = await inNamespace(repository, A).snapshot();
    assert.deepEqual(snapshot.refs.head, { oid: two });
  });

  it("lets go of the snapshot under its own", async () => {
    const { repository } = history();
    (await inNamespace(repository, A).snapshot())[Symbol.dispose]();
    assert.equal(repository.openSnapshots, 0);
  });
});

describe("upload-pack in a namespace", () => {
  const terms = { namespace: A };

  it("resolves deepen-not in it alone", async () => {
    const { repository, three } = history();
    const ask = (name: string) =>
      talk(
        repository,
        pkts(
          `want ${three} side-band-64k no-progress\n`,
          `deepen-not ${name}\n`,
          "0000",
          "done\n",
        ),
        { terms },
      );
    const known = await ask("base");
    assert.equal(known.error, undefined);
    assert.ok(known.said.includes(pkt(`shallow ${three}`)));
    for (const name of ["start", "outer", "refs/tags/start"]) {
      const { error } = await ask(name);
      assert.match(String(error), /ambiguous deepen-not/);
    }
  });

  it("adds its own tags alone", async () => {
    const { repository, three, tag } = history();
    const { said } = await talk(
      repository,
      pkts(
        `want ${three} side-band-64k no-progress include-tag\n`,
        "0000",
        "done\n",
      ),
      { terms },
    );
    const pack = unpkt(said).find((each) => each.startsWith("\x01PACK"));
    // Two commits with a tree and a blob each, and one tag of two.
    assert.equal(pack?.charCodeAt(12), 7);
    assert.ok(tag !== three);
  });
});
