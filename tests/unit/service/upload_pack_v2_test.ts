import assert from "node:assert/strict";
import { type Oid, SHA256 } from "../../../src/core/oid.ts";
import { BLOB } from "../../../src/object/kind.ts";
import { describe, it } from "../../support/test.ts";
import { FakeRepository } from "./fake_repository.ts";
import { pkts, talk, unpkt } from "./talk.ts";

const UNKNOWN = "1".repeat(40);

function history() {
  const repository = new FakeRepository();
  const tree = repository.tree({ a: repository.put(BLOB, "a\n") });
  const first = repository.commit(tree, [], 1000);
  const second = repository.commit(tree, [first], 2000);
  const third = repository.commit(tree, [second], 3000);
  const tag = repository.tag(second, "v1");
  repository.ref("HEAD", "ref: refs/heads/main");
  repository.ref("refs/heads/main", third);
  repository.ref("refs/remotes/origin/HEAD", "ref: refs/heads/main");
  repository.ref("refs/tags/v1", tag);
  return { repository, first, second, third, tag };
}

/** What is said after the advertisement to requests and a closing flush. */
async function answer(
  repository: FakeRepository,
  ...requests: readonly string[]
): Promise<string[]> {
  const { said, error } = await talk(repository, `${requests.join("")}0000`, {
    protocol: 2,
  });
  assert.equal(error, undefined);
  assert.equal(repository.openSnapshots, 0);
  const packets = unpkt(said);
  return packets.slice(packets.indexOf("0000") + 1);
}

function command(name: string, ...args: readonly string[]): string {
  return pkts(
    `command=${name}\n`,
    "agent=git/2.39.5\n",
    "object-format=sha1\n",
    "0001",
    ...args.map((arg) => `${arg}\n`),
    "0000",
  );
}

describe("the advertisement of v2", () => {
  it("has git's lines in git's order", async () => {
    const { said } = await talk(history().repository, "", { protocol: 2 });
    assert.equal(
      said,
      pkts(
        "version 2\n",
        "agent=test/1\n",
        "ls-refs=unborn\n",
        "fetch=shallow wait-for-done\n",
        "server-option\n",
        "object-format=sha1\n",
        "object-info\n",
        "0000",
      ),
    );
  });

  it("tells the object format of the repository", async () => {
    const { said } = await talk(new FakeRepository(SHA256), "", {
      protocol: 2,
    });
    assert.ok(said.includes("object-format=sha256\n"));
  });

  for (const policy of ["allow", "ignore"]) {
    it(`does not tell of unborn with lsrefs.unborn=${policy}`, async () => {
      const { repository } = history();
      repository.set("lsrefs.unborn", policy);
      const { said } = await talk(repository, "", { protocol: 2 });
      assert.ok(said.includes("000cls-refs\n"));
    });
  }
});

describe("ls-refs", () => {
  it("lists ids and names alone where nothing is asked", async () => {
    const { repository, third, tag } = history();
    assert.deepEqual(
      await answer(repository, pkts("command=ls-refs", "0000")),
      [
        `${third} HEAD\n`,
        `${third} refs/heads/main\n`,
        `${third} refs/remotes/origin/HEAD\n`,
        `${tag} refs/tags/v1\n`,
        "0000",
      ],
    );
  });

  it("tells symrefs and peeled tags", async () => {
    const { repository, second, third, tag } = history();
    assert.deepEqual(
      await answer(repository, command("ls-refs", "peel", "symrefs")),
      [
        `${third} HEAD symref-target:refs/heads/main\n`,
        `${third} refs/heads/main\n`,
        `${third} refs/remotes/origin/HEAD symref-target:refs/heads/main\n`,
        `${tag} refs/tags/v1 peeled:${second}\n`,
        "0000",
      ],
    );
  });

  it("keeps to its prefixes, in the order of names", async () => {
    const { repository, third, tag } = history();
    assert.deepEqual(
      await answer(
        repository,
        command("ls-refs", "ref-prefix refs/tags/", "ref-prefix refs/heads/m"),
      ),
      [`${third} refs/heads/main\n`, `${tag} refs/tags/v1\n`, "0000"],
    );
    assert.deepEqual(
      await answer(repository, command("ls-refs", "ref-prefix HE")),
      [`${third} HEAD\n`, "0000"],
    );
    assert.deepEqual(
      await answer(repository, command("ls-refs", "ref-prefix none")),
      ["0000"],
    );
  });

  it("tells of an unborn HEAD where it is asked and allowed", async () => {
    const { repository } = history();
    repository.refs.clear();
    repository.ref("HEAD", "ref: refs/heads/new");
    const told = ["unborn HEAD symref-target:refs/heads/new\n", "0000"];
    const ask = (...args: string[]) =>
      answer(repository, command("ls-refs", ...args));
    assert.deepEqual(await ask("unborn", "symrefs"), told);
    assert.deepEqual(await ask("unborn"), ["0000"]);
    assert.deepEqual(await ask("symrefs"), ["0000"]);
    repository.set("lsrefs.unborn", "allow");
    assert.deepEqual(await ask("unborn", "symrefs"), told);
    repository.set("lsrefs.unborn", "ignore");
    assert.deepEqual(await ask("unborn", "symrefs"), ["0000"]);
  });

  it("lists 20,000 refs with bytes of every kind in order", async () => {
    const { repository, first } = history();
    const names: string[] = [];
    for (let n = 0; n < 20_000; n++) {
      const name = `refs/x/${String(n).padStart(5, "0")}` +
        (n % 100 === 0 ? "\xe9" : "");
      names.push(`${first} ${name}\n`);
      repository.ref(name, first);
    }
    const said = await answer(
      repository,
      command("ls-refs", "ref-prefix refs/x/"),
    );
    assert.deepEqual(said, [...names.sort(), "0000"]);
  });
});

describe("fetch", () => {
  it("sends a clone shallow-info never and the pack at once", async () => {
    const { repository, third } = history();
    const said = await answer(
      repository,
      command("fetch", `want ${third}`, "ofs-delta", "done", "no-progress"),
    );
    assert.equal(said[0], "packfile\n");
    assert.ok(said[1]?.startsWith("\x01PACK\0\0\0\x02\0\0\0\x05"));
    assert.deepEqual(said.slice(2), ["0000"]);
  });

  it("takes wants of any object that is here", async () => {
    const { repository, first } = history();
    const said = await answer(
      repository,
      command("fetch", `want ${first}`, "done", "no-progress"),
    );
    assert.ok(said[1]?.startsWith("\x01PACK\0\0\0\x02\0\0\0\x03"));
  });

  it("says nothing where nothing is wanted", async () => {
    const { repository, third } = history();
    assert.deepEqual(await answer(repository, command("fetch")), []);
    assert.deepEqual(
      await answer(repository, command("fetch", `have ${third}`)),
      [],
    );
  });

  it("says NAK and waits for more where nothing is common", async () => {
    const { repository, third } = history();
    assert.deepEqual(
      await answer(
        repository,
        command("fetch", `want ${third}`, `have ${UNKNOWN}`),
      ),
      ["acknowledgments\n", "NAK\n", "0000"],
    );
  });

  it("is ready once all wants are reached, and goes on at once", async () => {
    const { repository, first, second, third } = history();
    const said = await answer(
      repository,
      command(
        "fetch",
        `want ${third}`,
        `have ${UNKNOWN}`,
        `have ${second}`,
        `have ${first}`,
        "no-progress",
      ),
    );
    assert.deepEqual(said.slice(0, 6), [
      "acknowledgments\n",
      `ACK ${second}\n`,
      `ACK ${first}\n`,
      "ready\n",
      "0001",
      "packfile\n",
    ]);
    assert.ok(said[6]?.startsWith("\x01PACK\0\0\0\x02\0\0\0\x01"));
  });

  it("is not ready for a client that waits for done", async () => {
    const { repository, second, third } = history();
    assert.deepEqual(
      await answer(
        repository,
        command("fetch", `want ${third}`, `have ${second}`, "wait-for-done"),
        command("fetch", `have ${second}`, "wait-for-done"),
      ),
      [
        "acknowledgments\n",
        `ACK ${second}\n`,
        "0000",
        "acknowledgments\n",
        `ACK ${second}\n`,
        "0000",
      ],
    );
  });

  it("has no acknowledgments after done", async () => {
    const { repository, second, third } = history();
    const said = await answer(
      repository,
      command("fetch", `want ${third}`, `have ${second}`, "done"),
    );
    assert.equal(said[0], "packfile\n");
  });

  it("tells depths in shallow-info", async () => {
    const { repository, second, third } = history();
    const said = await answer(
      repository,
      command("fetch", `want ${third}`, "deepen 2", "done", "no-progress"),
    );
    assert.deepEqual(said.slice(0, 4), [
      "shallow-info\n",
      `shallow ${second}`,
      "0001",
      "packfile\n",
    ]);
    assert.ok(said[4]?.startsWith("\x01PACK\0\0\0\x02\0\0\0\x04"));
  });

  it("has an empty shallow-info for a shallow client", async () => {
    const { repository, second, third } = history();
    const said = await answer(
      repository,
      command("fetch", `want ${third}`, `shallow ${second}`, "done"),
    );
    assert.deepEqual(said.slice(0, 3), [
      "shallow-info\n",
      "0001",
      "packfile\n",
    ]);
  });

  it("tells the boundary of a repository that is shallow itself", async () => {
    const { repository, first, second, third } = history();
    repository.shallow.push(second);
    repository.objects.delete(first);
    const said = await answer(
      repository,
      command("fetch", `want ${third}`, "done"),
    );
    assert.deepEqual(said.slice(0, 4), [
      "shallow-info\n",
      `shallow ${second}`,
      "0001",
      "packfile\n",
    ]);
  });

  it("sees what was pushed between two commands", async () => {
    const { repository, third } = history();
    const input = command("ls-refs", "ref-prefix refs/heads/");
    let reads = 0;
    const original = repository.snapshot.bind(repository);
    repository.snapshot = () => {
      if (++reads === 2) repository.ref("refs/heads/new", third as Oid);
      return original();
    };
    assert.deepEqual(await answer(repository, input, input), [
      `${third} refs/heads/main\n`,
      "0000",
      `${third} refs/heads/main\n`,
      `${third} refs/heads/new\n`,
      "0000",
    ]);
  });
});
