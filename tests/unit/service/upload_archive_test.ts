/**
 * upload-archive over a repository in memory: what a clock and a client that
 * fails can do to it. What it says is held to git's by the conformance tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import { REFERENCE } from "../../../src/kernels/reference/kernels.ts";
import { uploadArchive } from "../../../src/service/upload_archive/service.ts";
import { MemoryRepository } from "../../../src/storage/memory/memory_repository.ts";
import { describe, it } from "../../support/test.ts";
import { CLOCK, pkts, talk, type TalkOptions, unpkt } from "./talk.ts";

const person = { name: "A", email: "a@example.com", time: 1_600_000_000 };

function repositoryOf(files: Readonly<Record<string, string>>): {
  readonly repository: MemoryRepository;
  readonly tree: string;
} {
  const repository = new MemoryRepository({
    kernels: REFERENCE,
    config: { "uploadarchive.allowunreachable": "true" },
  });
  const tree = repository.addTree(
    Object.entries(files).map(([name, text]) => ({
      mode: 0o100644,
      name,
      oid: repository.addBlob(text),
    })),
  );
  const commit = repository.addCommit({
    tree,
    author: person,
    message: "m\n",
  });
  repository.setRef("refs/heads/main", commit);
  return { repository, tree };
}

async function archive(
  repository: MemoryRepository,
  args: readonly string[],
  options: TalkOptions = {},
) {
  const lines = args.map((arg) => `argument ${arg}\n`);
  const { said, error } = await talk(repository, pkts(...lines, "0000"), {
    service: uploadArchive,
    kernels: REFERENCE,
    ...options,
  });
  const [ack, flush, ...rest] = unpkt(said);
  assert.deepEqual([ack, flush], ["ACK\n", "0000"]);
  const band = (number: number) =>
    rest.filter((each) => each.charCodeAt(0) === number)
      .map((each) => each.slice(1)).join("");
  return { data: band(1), said: band(2), fault: band(3), rest, error };
}

/** The time in the first header of a tar archive. */
function timeIn(tar: string): number {
  return Number.parseInt(tar.slice(136, 147), 8);
}

describe("upload-archive", () => {
  const { repository, tree } = repositoryOf({ a: "text\n", b: "x" });

  it("gives trees the time of the clock, and commits their own", async () => {
    const clock = { ...CLOCK, now: () => 1_234_567_890_987 };
    const ofTree = await archive(repository, [tree], { clock });
    assert.equal(timeIn(ofTree.data), 1_234_567_890);
    const ofCommit = await archive(repository, ["main"], { clock });
    assert.equal(timeIn(ofCommit.data), person.time);
    for (const name of [tree, "main"]) {
      const asked = await archive(repository, ["--mtime=@77", name]);
      assert.equal(timeIn(asked.data), 77);
    }
  });

  it("shows nothing of hidden refs and of other namespaces", async () => {
    const repository = new MemoryRepository({
      kernels: REFERENCE,
      config: {
        "transfer.hiderefs": "refs/heads/secret",
        "uploadpack.hiderefs": "refs/tags",
      },
    });
    const oid = repository.addBlob("$Format:%D|%(describe)$");
    const rules = repository.addBlob("* export-subst\n");
    const tree = repository.addTree([
      { mode: 0o100644, name: ".gitattributes", oid: rules },
      { mode: 0o100644, name: "a", oid },
    ]);
    const commit = repository.addCommit({ tree, author: person, message: "m" });
    const prefix = "refs/namespaces/n/";
    const tag = repository.addTag({
      target: commit,
      name: "v1",
      tagger: person,
      message: "t\n",
    });
    repository.setRef("refs/tags/v1", tag);
    for (const name of ["main", "secret"]) {
      repository.setRef(`refs/heads/${name}`, commit);
      repository.setRef(`${prefix}refs/heads/${name}-n`, commit);
    }
    for (const name of ["secret", "v1", "main-n", "n/main", "namespaces/n"]) {
      const { fault, said } = await archive(repository, [name]);
      assert.match(said + fault, /no such ref/, name);
    }
    const names = (tar: string) => /[\w> ,/-]+\|[^\0]*/.exec(tar)?.[0];
    const shown = await archive(repository, ["main", "a"]);
    assert.equal(
      names(shown.data),
      `HEAD -> main, ${prefix}refs/heads/secret-n, ` +
        `${prefix}refs/heads/main-n|`,
    );
    const terms = { namespace: prefix };
    const inside = await archive(repository, ["main-n", "a"], { terms });
    assert.equal(names(inside.data), "secret-n, main-n|");
    const outside = await archive(repository, ["main"], { terms });
    assert.match(outside.said + outside.fault, /no such ref/);
  });

  it("says that it cannot read a time", async () => {
    const { said, fault } = await archive(repository, ["--mtime=soon", "main"]);
    assert.match(said, /^fatal: cannot read the time 'soon': /);
    assert.equal(fault, "git upload-archive: archiver died with error");
  });

  it("tells the log what it told the client", async () => {
    const { error, rest } = await archive(repository, ["absent"]);
    assert.ok(error instanceof Error);
    assert.equal(
      error.message,
      "sent error to the client: git upload-archive: archiver died with error",
    );
    assert.match(String(error.cause), /not a valid object name: absent/);
    assert.notEqual(rest.at(-1), "0000");
  });

  it("ends with a flush where all went well", async () => {
    const { error, rest } = await archive(repository, ["-v", "main"]);
    assert.equal(error, undefined);
    assert.equal(rest.at(-1), "0000");
  });

  it("cannot be made to look for what it has no right to", async () => {
    const closed = new MemoryRepository({ kernels: REFERENCE });
    const { said } = await archive(closed, ["main"]);
    assert.equal(said, "fatal: no such ref: main\n");
    for (const name of [tree, tree.slice(0, 8), "@{1}", "@{-1}", "@{u}"]) {
      const { said } = await archive(closed, [name]);
      assert.equal(said, `fatal: no such ref: ${name}\n`);
    }
  });

  it("stops where the session is ended", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 50 }, (_, i) => [`f${i}`, "x".repeat(100_000)]),
    );
    const ending = new AbortController();
    let turns = 0;
    const clock = {
      now: () => 0,
      monotonic: () => turns * 1000,
      turn: () => {
        if (++turns === 5) ending.abort(new Error("closing"));
        return Promise.resolve();
      },
    };
    // Every look at the clock finds that a slice is over.
    const limits = { sliceMs: 0 };
    const { error } = await archive(
      repositoryOf(files).repository,
      ["--format=zip", "main"],
      { clock, limits, signal: ending.signal },
    );
    assert.match(String(error), /closing/);
    assert.equal(turns, 5);
  });

  it("takes no longer for odd names than they are long", async () => {
    const most = 65_000;
    const started = performance.now();
    for (const part of ["~", "^{}", "^", "~1", "-g"]) {
      const name = `main:${part.repeat(most / part.length)}`;
      const { fault } = await archive(repository, [name]);
      assert.notEqual(fault, "");
    }
    const prefix = `--prefix=${"/".repeat(most)}x/`;
    const { fault } = await archive(repository, [prefix, "main"]);
    assert.equal(fault, "");
    assert.ok(performance.now() - started < 2000);
  });

  it("writes one slash at the end of a prefix", async () => {
    for (
      const [prefix, path] of [["/", "/"], ["//", "//"], ["a///", "a/"], [
        "/a//b//",
        "/a//b/",
      ]]
    ) {
      const { data } = await archive(repository, [`--prefix=${prefix}`, tree]);
      assert.equal(data.slice(0, data.indexOf("\0")), path);
    }
  });
});
