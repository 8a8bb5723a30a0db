import assert from "node:assert/strict";
import { ProtocolError } from "../../../src/core/errors.ts";
import type { Oid } from "../../../src/core/oid.ts";
import { BLOB } from "../../../src/object/kind.ts";
import { describe, it } from "../../support/test.ts";
import { FakeRepository } from "./fake_repository.ts";
import {
  pkt,
  pkts,
  steppingClock,
  talk,
  type TalkOptions,
  unpkt,
} from "./talk.ts";

const UNKNOWN = "1".repeat(40);
const ABORTED = "\x03aborting due to possible repository corruption on the " +
  "remote side.";

function repositoryOf(count: number) {
  const repository = new FakeRepository();
  const blob = repository.put(BLOB, "x\n");
  const commits: Oid[] = [];
  for (let n = 0; n < count; n++) {
    const file = repository.put(BLOB, `${n}\n`);
    const tree = repository.tree({ blob, file });
    commits.push(repository.commit(tree, commits.slice(-1), n + 1));
  }
  const tip = commits[count - 1] as Oid;
  repository.ref("HEAD", "ref: refs/heads/main");
  repository.ref("refs/heads/main", tip);
  return { repository, blob, tip, first: commits[0] as Oid };
}

const { repository, tip, first, blob } = repositoryOf(3);
const WANT = `want ${tip} side-band-64k no-progress\n`;

/** The last packet of a session that fails, without `ERR `. */
async function refusal(
  input: string,
  options: TalkOptions = {},
): Promise<string> {
  const { said, error } = await talk(repository, input, options);
  assert.ok(error instanceof Error, "the session ended well");
  assert.equal(repository.openSnapshots, 0);
  const last = unpkt(said).at(-1) ?? "";
  return last.startsWith("ERR ") ? last.slice(4) : `not an error: ${last}`;
}

describe("upload-pack refuses, in git's words, in v0", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      "a want that is not here",
      pkts(`want ${UNKNOWN}\n`, "0000"),
      `upload-pack: not our ref ${UNKNOWN}`,
    ],
    [
      "a want that was not advertised",
      pkts(WANT, `want ${first}\n`, "0000"),
      `upload-pack: not our ref ${first}`,
    ],
    [
      "an empty line",
      pkts("", "0000"),
      "git upload-pack: protocol error, expected to get object ID, not ''",
    ],
    [
      "two kinds of depth",
      pkts(WANT, "deepen 1\n", "deepen-since 1\n", "0000"),
      "git upload-pack: deepen and deepen-since (or deepen-not) cannot be " +
      "used together",
    ],
    [
      "a shallow blob",
      pkts(WANT, `shallow ${blob}\n`, "0000"),
      `invalid shallow object ${blob}`,
    ],
    [
      "deepen-not of no ref",
      pkts(WANT, "deepen-not ../x\n", "0000"),
      "git upload-pack: ambiguous deepen-not: deepen-not ../x",
    ],
    [
      "a depth that leaves nothing",
      pkts(WANT, "deepen-since 2000000000\n", "0000"),
      "no commits selected for shallow requests",
    ],
    [
      "a line that is no have",
      pkts(WANT, "0000", "frob\n"),
      "git upload-pack: expected SHA1 list, got 'frob'",
    ],
    [
      "an end after the wants",
      pkts(WANT, "0000"),
      "the remote end hung up unexpectedly",
    ],
    [
      "an end among the wants",
      pkts(WANT),
      "the remote end hung up unexpectedly",
    ],
    ["half a packet", "00", "the remote end hung up unexpectedly"],
    ["a bad length", "0003", "protocol error: bad line length 3"],
    [
      "another protocol",
      "GET / HTTP/1.1\r\n",
      "protocol error: bad line length character: GET ",
    ],
    ["an error of the client", pkts("ERR x\n"), "remote error: x"],
  ];
  for (const [title, input, message] of cases) {
    it(title, async () => {
      assert.equal(await refusal(input), message);
    });
  }

  it("deepen-not of two refs", async () => {
    repository.ref("refs/tags/main", tip);
    assert.equal(
      await refusal(pkts(WANT, "deepen-not main\n", "0000")),
      "git upload-pack: ambiguous deepen-not: deepen-not main",
    );
    repository.refs.delete("refs/tags/main");
  });
});

describe("upload-pack refuses, in git's words, in v2", () => {
  const fetch = (...args: string[]): string =>
    pkts("command=fetch", "0001", ...args, "0000");
  const cases: readonly (readonly [string, string, string])[] = [
    [
      "a want that is not here",
      fetch(`want ${UNKNOWN}`, "done"),
      `upload-pack: not our ref ${UNKNOWN}`,
    ],
    ["an argument", fetch("frob"), "unexpected line: 'frob'"],
    ["a filter", fetch("filter tree:0"), "unexpected line: 'filter tree:0'"],
    [
      "a second delimiter in fetch",
      pkts("command=fetch", "0001", `want ${tip}`, "0001"),
      "expected flush after fetch arguments",
    ],
    [
      "a second delimiter in ls-refs",
      pkts("command=ls-refs", "0001", "peel", "0001"),
      "expected flush after ls-refs arguments",
    ],
    [
      "a second delimiter in object-info",
      pkts("command=object-info", "0001", "size", "0001"),
      "object-info: expected flush after arguments",
    ],
    [
      "an argument of object-info",
      pkts("command=object-info", "0001", "type", "0000"),
      "object-info: unexpected line: 'type'",
    ],
    ["a command", pkts("command=frob", "0000"), "invalid command 'frob'"],
    [
      "a command that is not advertised",
      pkts("command=bundle-uri", "0000"),
      "invalid command 'bundle-uri'",
    ],
    [
      "the other object format",
      pkts("command=ls-refs", "object-format=sha256", "0000"),
      "mismatched object format: server sha1; client sha256",
    ],
    [
      "an end in a request",
      pkts("command=ls-refs"),
      "the remote end hung up unexpectedly",
    ],
    [
      "an end in the arguments",
      pkts("command=fetch", "0001", `want ${tip}`),
      "the remote end hung up unexpectedly",
    ],
  ];
  for (const [title, input, message] of cases) {
    it(title, async () => {
      assert.equal(await refusal(input, { protocol: 2 }), message);
    });
  }
});

describe("upload-pack keeps its limits", () => {
  const ids = Array.from(
    { length: 20 },
    (_, n) => n.toString(16).padStart(40, "0"),
  );

  it("of wants", async () => {
    const wants = ids.map((id) => `want ${id}\n`);
    assert.equal(
      await refusal(pkts(...wants), { limits: { maxWants: 10 } }),
      "upload-pack: too many wants (limit 10)",
    );
  });

  it("of haves in a session of v0", async () => {
    const haves = ids.map((id) => `have ${id}\n`);
    assert.equal(
      await refusal(pkts(WANT, "0000", ...haves), { limits: { maxHaves: 10 } }),
      "upload-pack: too many haves (limit 10)",
    );
  });

  it("of haves in all requests of v2", async () => {
    const request = pkts(
      "command=fetch",
      "0001",
      `want ${tip}`,
      ...ids.slice(0, 6).map((id) => `have ${id}`),
      "0000",
    );
    assert.equal(
      await refusal(request + request, {
        protocol: 2,
        limits: { maxHaves: 10 },
      }),
      "upload-pack: too many haves (limit 10)",
    );
  });

  for (const protocol of [0, 2] as const) {
    it(`of rounds in v${protocol}`, async () => {
      const input = protocol === 0
        ? pkts(WANT, "0000") + "0000".repeat(20)
        : pkts(
          "command=fetch",
          "0001",
          `want ${tip}`,
          `have ${UNKNOWN}`,
          "0000",
        )
          .repeat(20);
      assert.equal(
        await refusal(input, { protocol, limits: { maxRounds: 10 } }),
        "upload-pack: too many rounds of negotiation (limit 10)",
      );
    });
  }

  it("of bytes", async () => {
    const input = pkts("command=ls-refs", "0001") +
      pkt("ref-prefix x").repeat(10_000);
    assert.equal(
      await refusal(input, {
        protocol: 2,
        limits: { maxRequestBytes: 50_000 },
      }),
      "request is too large",
    );
  });
});

describe("upload-pack on a repository that is broken", () => {
  const input = pkts(WANT, "0000", "done\n");

  it("says so on band 3 where an object is missing", async () => {
    const { repository, tip, blob } = repositoryOf(2);
    const tree = repository.tree({ gone: UNKNOWN as Oid, blob });
    const commit = repository.commit(tree, [tip], 9);
    repository.ref("refs/heads/main", commit);
    repository.faults = { missing: tree };
    const { said, error } = await talk(
      repository,
      pkts(`want ${commit} side-band-64k\n`, "0000", "done\n"),
    );
    assert.match(String(error), /StorageError/);
    assert.equal(unpkt(said).at(-1), ABORTED);
    assert.equal(repository.openSnapshots, 0);
  });

  it("does not end the stream like a whole pack", async () => {
    const { repository } = repositoryOf(3);
    const whole = unpkt((await talk(repository, input)).said);
    const pack = whole.findLast((each) => each.startsWith("\x01")) ?? "";
    for (const packBytes of [0, 12, 100, pack.length - 2]) {
      repository.faults = { packBytes };
      const { said, error } = await talk(repository, input);
      const packets = unpkt(said);
      assert.match(String(error), /StorageError/);
      assert.equal(packets.at(-1), ABORTED);
      assert.ok(!packets.includes(pack));
    }
  });

  it("is silent without a band", async () => {
    const { repository, tip } = repositoryOf(3);
    repository.faults = { packBytes: 0 };
    const { said, error } = await talk(
      repository,
      pkts(`want ${tip}\n`, "0000", "done\n"),
    );
    assert.match(String(error), /StorageError/);
    assert.ok(said.endsWith("0008NAK\n"));
  });

  it("keeps to itself what is wrong before the pack", async () => {
    const { repository } = repositoryOf(1);
    repository.set("lsrefs.unborn", "frob");
    const { said, error } = await talk(repository, "", { protocol: 2 });
    assert.match(String(error), /lsrefs.unborn/);
    assert.equal(said.slice(said.indexOf("ERR")), "ERR internal error");
  });
});

describe("upload-pack at work", () => {
  const clone = (tip: Oid, capabilities: string): string =>
    pkts(`want ${tip} ${capabilities}\n`, "0000", "done\n");

  it("lets others be served between slices", async () => {
    const { repository, tip } = repositoryOf(50);
    let turns = 0;
    const clock = { ...steppingClock(3) };
    await talk(repository, clone(tip, "side-band-64k"), {
      clock: {
        ...clock,
        turn: () => {
          turns++;
          return Promise.resolve();
        },
      },
    });
    // 150 objects are planned one by one, at some looks of 3 ms each.
    assert.ok(turns > 20, `${turns} turns`);
  });

  it("shows progress once a second", async () => {
    const { repository, tip } = repositoryOf(50);
    const { said } = await talk(repository, clone(tip, "side-band-64k"), {
      clock: steppingClock(100),
    });
    const lines = unpkt(said).filter((each) =>
      /^.Counting objects: +\d+% \(\d+\/151\)\r$/.test(each)
    );
    assert.ok(lines.length > 5 && lines.length < 75, `${lines.length} lines`);
  });

  for (const [seconds, expected] of [["1", "some"], ["0", "none"]] as const) {
    it(`sends ${expected} signs of life with keepAlive ${seconds}`, async () => {
      const { repository, tip } = repositoryOf(50);
      repository.set("uploadpack.keepalive", seconds);
      const { said } = await talk(
        repository,
        clone(tip, "side-band-64k no-progress"),
        { clock: steppingClock(100) },
      );
      const count = unpkt(said).filter((each) => each === "\x01").length;
      assert.equal(count > 0 ? "some" : "none", expected);
    });
  }

  it("stops with the signal's reason, and says no more", async () => {
    const { repository, tip } = repositoryOf(50);
    const reason = new Error("shutdown");
    const ending = new AbortController();
    let turns = 0;
    const { said, error } = await talk(
      repository,
      clone(tip, "side-band-64k no-progress"),
      {
        signal: ending.signal,
        clock: {
          ...steppingClock(20),
          turn: () => {
            if (++turns === 5) ending.abort(reason);
            return Promise.resolve();
          },
        },
      },
    );
    assert.equal(error, reason);
    assert.equal(unpkt(said).at(-1), "NAK\n");
    assert.equal(repository.openSnapshots, 0);
  });

  it("says why a time limit ended the session", async () => {
    const { repository, tip } = repositoryOf(1);
    const ending = new AbortController();
    const reason = new ProtocolError("timeout", "timeout: too slow");
    const original = repository.snapshot.bind(repository);
    repository.snapshot = () => {
      ending.abort(reason);
      return original();
    };
    const { said, error } = await talk(
      repository,
      clone(tip, "side-band-64k"),
      { signal: ending.signal },
    );
    assert.equal(error, reason);
    assert.equal(said, pkt("ERR timeout: too slow"));
  });
});
