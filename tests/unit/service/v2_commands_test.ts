import assert from "node:assert/strict";
import type { Oid } from "../../../src/core/oid.ts";
import { BLOB } from "../../../src/object/kind.ts";
import { describe, it } from "../../support/test.ts";
import { FakeRepository } from "./fake_repository.ts";
import { pkts, steppingClock, talk, type TalkOptions, unpkt } from "./talk.ts";

const UNKNOWN = "1".repeat(40);

/** main: one - two, v1 of two; hidden refs/secret/x: one - secret. */
function history(...settings: readonly (readonly [string, string])[]) {
  const repository = new FakeRepository();
  let time = 0;
  const commit = (text: string, ...parents: Oid[]) => {
    const blob = repository.put(BLOB, text);
    const tree = repository.tree({ blob });
    return { blob, tree, id: repository.commit(tree, parents, ++time) };
  };
  const one = commit("one\n");
  const two = commit("second\n", one.id);
  const secret = commit("secret\n", one.id);
  const tag = repository.tag(two.id, "v1");
  repository.ref("HEAD", "ref: refs/heads/main");
  repository.ref("refs/heads/main", two.id);
  repository.ref("refs/secret/x", secret.id);
  repository.ref("refs/tags/v1", tag);
  repository.set("transfer.hiderefs", "refs/secret");
  for (const [key, value] of settings) repository.set(key, value);
  return { repository, one, two, secret, tag };
}

const REFS = ["uploadpack.allowrefinwant", "true"] as const;
const BANDS = ["uploadpack.allowsidebandall", "true"] as const;
const STRICT = ["gitsrv.strictwants", "true"] as const;

function command(name: string, ...args: readonly string[]): string {
  return pkts(`command=${name}`, "0001", ...args, "0000");
}

/** What is said after the advertisement, and how the session ended. */
async function answer(
  repository: FakeRepository,
  requests: string,
  options: TalkOptions = {},
): Promise<{ readonly packets: string[]; readonly error: unknown }> {
  const { said, error } = await talk(repository, `${requests}0000`, {
    protocol: 2,
    ...options,
  });
  assert.equal(repository.openSnapshots, 0);
  const packets = unpkt(said);
  return { packets: packets.slice(packets.indexOf("0000") + 1), error };
}

/** The same of a session that ends well. */
async function good(
  repository: FakeRepository,
  requests: string,
  options: TalkOptions = {},
): Promise<string[]> {
  const { packets, error } = await answer(repository, requests, options);
  assert.equal(error, undefined);
  return packets;
}

describe("the advertisement of v2", () => {
  const advertised = async (
    settings: readonly (readonly [string, string])[],
    options: TalkOptions = {},
  ): Promise<string[]> => {
    const { repository } = history(...settings);
    const { said } = await talk(repository, "", { protocol: 2, ...options });
    return unpkt(said);
  };

  it("tells what the owner allows, in git's order", async () => {
    const lines = await advertised([
      BANDS,
      REFS,
      ["uploadpack.advertisebundleuris", "true"],
      ["transfer.advertisesid", "true"],
    ], { terms: { sessionId: "gitsrv-1" } });
    assert.deepEqual(lines, [
      "version 2\n",
      "agent=test/1\n",
      "ls-refs=unborn\n",
      "fetch=shallow wait-for-done ref-in-want sideband-all\n",
      "server-option\n",
      "object-format=sha1\n",
      "session-id=gitsrv-1\n",
      "object-info\n",
      "bundle-uri\n",
      "0000",
    ]);
  });

  it("has no session-id where there is none or none is asked", async () => {
    const settings = [["transfer.advertisesid", "true"]] as const;
    assert.ok(!(await advertised(settings)).join().includes("session-id"));
    const terms = { sessionId: "gitsrv-1" };
    assert.ok(!(await advertised([], { terms })).join().includes("session"));
  });

  it("hides object-info where the owner does", async () => {
    const lines = await advertised([["transfer.advertiseobjectinfo", "false"]]);
    assert.ok(!lines.includes("object-info\n"));
  });
});

describe("want-ref", () => {
  it("is answered behind shallow-info, as often as it is asked", async () => {
    const { repository, two, tag } = history(REFS);
    const packets = await good(
      repository,
      command(
        "fetch",
        "want-ref refs/heads/main",
        "want-ref refs/tags/v1",
        "want-ref HEAD",
        "want-ref refs/heads/main",
        "deepen 1",
        "no-progress",
        "done",
      ),
    );
    assert.deepEqual(packets.slice(0, 10), [
      "shallow-info\n",
      `shallow ${two.id}`,
      "0001",
      "wanted-refs\n",
      `${two.id} refs/heads/main\n`,
      `${tag} refs/tags/v1\n`,
      `${two.id} HEAD\n`,
      `${two.id} refs/heads/main\n`,
      "0001",
      "packfile\n",
    ]);
    assert.ok(packets[10]?.startsWith("\x01PACK\0\0\0\x02\0\0\0\x04"));
  });

  it("has no section while it negotiates", async () => {
    const { repository } = history(REFS);
    assert.deepEqual(
      await good(
        repository,
        command("fetch", "want-ref refs/heads/main", `have ${UNKNOWN}`),
      ),
      ["acknowledgments\n", "NAK\n", "0000"],
    );
  });

  const unknown = [
    "refs/heads/none",
    "refs/secret/x",
    "main",
    "",
    "../../x",
    "refs/heads/main ",
    "ORIG_HEAD",
    "refs/heads/\x1b",
  ];
  for (const name of unknown) {
    it(`is refused for ${JSON.stringify(name)}`, async () => {
      const { repository, two } = history(REFS);
      repository.ref("ORIG_HEAD", two.id);
      const { packets, error } = await answer(
        repository,
        command("fetch", `want ${two.id}`, `want-ref ${name}`, "done"),
      );
      const shown = name.replace("\x1b", "\\x1b");
      assert.deepEqual(packets, [`ERR unknown ref ${shown}`]);
      assert.ok(error instanceof Error);
    });
  }

  it("is blamed for the first that is wrong", async () => {
    const { repository } = history(REFS);
    const ask = async (...args: string[]) =>
      (await answer(repository, command("fetch", ...args))).packets;
    const want = `want ${UNKNOWN}`;
    const ref = "want-ref refs/heads/none";
    assert.deepEqual(await ask(want, ref), [
      `ERR upload-pack: not our ref ${UNKNOWN}`,
    ]);
    assert.deepEqual(await ask(ref, want), ["ERR unknown ref refs/heads/none"]);
  });
});

describe("sideband-all", () => {
  it("puts every line into band 1, and no other packet", async () => {
    const { repository, one, two } = history(REFS, BANDS);
    const packets = await good(
      repository,
      command(
        "fetch",
        "sideband-all",
        "want-ref refs/heads/main",
        `have ${one.id}`,
        "deepen 1",
        "no-progress",
      ) + command("ls-refs", "ref-prefix refs/heads/"),
    );
    assert.deepEqual(packets.slice(0, 11), [
      "\x01acknowledgments\n",
      `\x01ACK ${one.id}\n`,
      "\x01ready\n",
      "0001",
      "\x01shallow-info\n",
      `\x01shallow ${two.id}`,
      "0001",
      "\x01wanted-refs\n",
      `\x01${two.id} refs/heads/main\n`,
      "0001",
      "\x01packfile\n",
    ]);
    // The next answer is as ever.
    assert.deepEqual(packets.slice(-3), [
      "0000",
      `${two.id} refs/heads/main\n`,
      "0000",
    ]);
  });

  it("brings errors on band 3 from then on", async () => {
    const { repository } = history(BANDS);
    const ask = async (...args: string[]) =>
      (await answer(repository, command("fetch", ...args))).packets;
    assert.deepEqual(await ask("sideband-all", `want ${UNKNOWN}`, "done"), [
      `\x03upload-pack: not our ref ${UNKNOWN}`,
    ]);
    assert.deepEqual(await ask("sideband-all", "frob"), [
      "\x03unexpected line: 'frob'",
    ]);
    assert.deepEqual(await ask("frob", "sideband-all"), [
      "ERR unexpected line: 'frob'",
    ]);
  });

  it("ends with its command", async () => {
    const { repository } = history(BANDS);
    const { packets } = await answer(
      repository,
      command("fetch", "sideband-all", "done") + command("frob"),
    );
    assert.deepEqual(packets, ["ERR invalid command 'frob'"]);
  });

  it("shows life on band 2 while it walks", async () => {
    const { repository, one } = history(BANDS, STRICT);
    for (let n = 0; n < 300; n++) repository.ref(`refs/x/${n}`, one.id);
    const packets = await good(
      repository,
      command(
        "fetch",
        "sideband-all",
        `want ${one.blob}`,
        "no-progress",
        "done",
      ),
      { clock: steppingClock(10_000) },
    );
    assert.ok(packets.indexOf("\x02") >= 0);
    assert.ok(packets.indexOf("\x02") < packets.indexOf("\x01packfile\n"));
  });
});

describe("object-info", () => {
  it("tells sizes in the order asked, and nothing of what is not here", async () => {
    const { repository, one, two } = history();
    const upper = one.blob.toUpperCase();
    const size = repository.objects.get(two.tree)?.data.length;
    assert.deepEqual(
      await good(
        repository,
        command(
          "object-info",
          `oid ${two.tree}`,
          `oid ${upper}`,
          "size",
          `oid ${UNKNOWN}`,
          `oid ${two.tree}`,
        ) + command("object-info", `oid ${UNKNOWN}`, `oid ${one.id}`) +
          command("object-info", "size"),
      ),
      [
        "size",
        `${two.tree} ${size}`,
        `${one.blob} 4`,
        `${UNKNOWN} `,
        `${two.tree} ${size}`,
        "0000",
        UNKNOWN,
        one.id,
        "0000",
        "0000",
      ],
    );
  });

  it("answers what comes before a bad name", async () => {
    const { repository, one } = history();
    const { packets } = await answer(
      repository,
      command("object-info", "size", `oid ${one.blob}`, "oid zz", "oid yy"),
    );
    assert.deepEqual(packets, [
      "size",
      `${one.blob} 4`,
      "ERR object-info: protocol error, expected to get oid, not 'zz'",
    ]);
  });
});

describe("bundle-uri", () => {
  const ON = ["uploadpack.advertisebundleuris", "true"] as const;

  it("tells the lines of the configuration", async () => {
    const { repository } = history(
      ON,
      ["bundle.version", "1"],
      ["bundle.mode", "all"],
      ["bundle.a.uri", "https://example.com/a.bundle"],
      ["bundle.b.uri", ""],
    );
    const log: string[] = [];
    const packets = await good(repository, command("bundle-uri"), {
      logger: { log: (level, text) => log.push(`${level} ${text}`) },
    });
    assert.deepEqual(packets, [
      "bundle.version=1",
      "bundle.mode=all",
      "bundle.a.uri=https://example.com/a.bundle",
      "0000",
    ]);
    assert.deepEqual(log, [
      "warn Cannot tell of bundles: 'bundle.b.uri' has no usable value",
    ]);
  });

  it("takes no argument", async () => {
    const { repository } = history(ON);
    const { packets } = await answer(repository, command("bundle-uri", "all"));
    assert.deepEqual(packets, ["ERR bundle-uri: unexpected argument: 'all'"]);
  });
});

describe("what a client says of itself", () => {
  it("is logged, escaped and bounded", async () => {
    const { repository } = history(["transfer.advertisesid", "true"]);
    const log: string[] = [];
    const options = Array.from({ length: 50 }, (_, n) => `server-option=${n}`);
    await good(
      repository,
      pkts(
        "command=ls-refs",
        "session-id=abc\x1b",
        "server-option=a\x1bb",
        `server-option=${"x".repeat(5000)}`,
        ...options,
        "0000",
      ),
      {
        terms: { sessionId: "ours" },
        logger: { log: (_, text) => log.push(text) },
      },
    );
    assert.equal(log[0], "Session of the client: 'abc\\x1b'");
    assert.ok(log[1]?.startsWith("Server options of ls-refs: 'a\\x1bb', 'xxx"));
    assert.ok((log[1]?.length ?? 0) < 500);
    assert.equal(log.length, 2);
  });
});

describe("strict wants", () => {
  const made = history();
  const { one, two, secret, tag } = made;
  const lone = made.repository.put(BLOB, "lone\n");
  const reached = {
    "a tip": two.id,
    "a tag": tag,
    "an older commit": one.id,
    "an older tree": one.tree,
    "an older blob": one.blob,
    "a tree": two.tree,
    "a blob": two.blob,
  };
  const others = {
    "a hidden tip": secret.id,
    "a hidden tree": secret.tree,
    "a hidden blob": secret.blob,
    "a blob of nobody": lone,
    "an absent object": UNKNOWN as Oid,
  };
  const strict = (): FakeRepository => {
    const { repository } = history(STRICT);
    repository.put(BLOB, "lone\n");
    return repository;
  };

  for (const [what, oid] of Object.entries(reached)) {
    it(`takes ${what}`, async () => {
      const packets = await good(
        strict(),
        command("fetch", `want ${oid}`, "no-progress", "done") +
          command("object-info", "size", `oid ${oid}`),
      );
      assert.equal(packets[0], "packfile\n");
      assert.match(packets.at(-2) ?? "", /^[0-9a-f]{40} \d+$/);
    });
  }

  for (const [what, oid] of Object.entries(others)) {
    it(`refuses ${what}`, async () => {
      const refused = [`ERR upload-pack: not our ref ${oid}`];
      for (const mode of ["fetch", "object-info"]) {
        const args = mode === "fetch"
          ? [`want ${two.id}`, `want ${oid}`, "done"]
          : ["size", `oid ${two.id}`, `oid ${oid}`];
        const { packets } = await answer(strict(), command(mode, ...args));
        assert.deepEqual(packets, refused, mode);
      }
    });
  }

  const filtered = (name: string) => {
    const { repository } = history(STRICT, ["uploadpack.allowfilter", "true"]);
    return answer(
      repository,
      command(
        ...["fetch", `want ${two.id}`, `filter sparse:oid=${name}`],
        ...["no-progress", "done"],
      ),
    );
  };

  it("hold for the patterns of filters", async () => {
    for (const name of [one.blob, "main:blob", `${one.id}:blob`]) {
      assert.equal((await filtered(name)).packets[0], "packfile\n", name);
    }
    for (
      const name of [
        ...[secret.blob, lone, UNKNOWN, "refs/secret/x:blob", "main:no"],
        "refs/secret/x:no",
      ]
    ) {
      assert.deepEqual((await filtered(name)).packets, [
        `ERR unable to access sparse blob in '${name}'`,
      ]);
    }
  });

  it("hold for the refs that a history is cut at", async () => {
    for (const name of ["refs/secret/x", "refs/secret/y"]) {
      const lines = [`want ${two.id}`, `deepen-not ${name}`, "done"];
      const { packets } = await answer(strict(), command("fetch", ...lines));
      assert.match(packets.join(), /ERR .*ambiguous deepen-not/, name);
    }
  });

  it("are off unless they are asked for", async () => {
    const { repository } = history();
    const packets = await good(
      repository,
      command("fetch", `want ${secret.blob}`, "no-progress", "done"),
    );
    assert.equal(packets[0], "packfile\n");
  });

  it("count a walk as a round of the session", async () => {
    const ask = command("object-info", `oid ${one.blob}`);
    const { packets } = await answer(strict(), ask + ask + ask, {
      limits: { maxRounds: 2 },
    });
    assert.match(packets.at(-1) ?? "", /^ERR .*too many rounds/);
  });
});

describe("a client that says much", () => {
  it("leaves others their turn, in heads and in arguments", async () => {
    const many = Array.from({ length: 2000 }, () => "server-option=x");
    for (
      const input of [
        pkts("command=ls-refs", ...many, "0000"),
        command("fetch", ...Array<string>(2000).fill(`have ${UNKNOWN}`)),
      ]
    ) {
      let turns = 0;
      const turn = () => {
        turns++;
        return Promise.resolve();
      };
      const { repository } = history();
      await good(repository, input, {
        clock: { ...steppingClock(10_000), turn },
        limits: { sliceMs: 1, maxHaves: 2000 },
      });
      assert.ok(turns >= 7, `${turns}`);
    }
  });
});

describe("a client that leaves", () => {
  const { repository } = history();

  it("may do so in a request's first packet, as with git", async () => {
    for (const rest of ["0", "0011command=ls"]) {
      const input = command("ls-refs", "ref-prefix HEAD") + rest;
      const { said, error } = await talk(repository, input, { protocol: 2 });
      assert.equal(error, undefined);
      assert.ok(said.endsWith(" HEAD\n0000"), said);
    }
  });

  it("is told in any other", async () => {
    const input = pkts("command=ls-refs") + "0";
    const { said, error } = await talk(repository, input, { protocol: 2 });
    assert.ok(error instanceof Error);
    assert.ok(said.endsWith("ERR the remote end hung up unexpectedly"), said);
  });
});
