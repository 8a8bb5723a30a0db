import assert from "node:assert/strict";
import { type Oid, SHA256 } from "../../../src/core/oid.ts";
import { BLOB } from "../../../src/object/kind.ts";
import { describe, it } from "../../support/test.ts";
import { FakeRepository } from "./fake_repository.ts";
import { pkt, pkts, talk, type TalkOptions, unpkt } from "./talk.ts";

const CAPABILITIES = "multi_ack thin-pack side-band side-band-64k ofs-delta " +
  "shallow deepen-since deepen-not deepen-relative no-progress include-tag " +
  "multi_ack_detailed";
const AGENT = "object-format=sha1 agent=test/1";
const UNKNOWN = "1".repeat(40) as Oid;

interface History {
  readonly repository: FakeRepository;
  /** Five commits in a line, oldest first. */
  readonly commits: readonly [Oid, Oid, Oid, Oid, Oid];
  readonly tag: Oid;
  readonly blob: Oid;
}

function history(): History {
  const repository = new FakeRepository();
  const commits: Oid[] = [];
  const blob = repository.put(BLOB, "one\n");
  for (let n = 1; n <= 5; n++) {
    const file = repository.put(BLOB, `version ${n}\n`);
    const tree = repository.tree({ blob, file });
    commits.push(repository.commit(tree, commits.slice(-1), n * 1000));
  }
  const tip = commits[4] as Oid;
  const tag = repository.tag(commits[2] as Oid, "v1");
  repository.ref("HEAD", "ref: refs/heads/main");
  repository.ref("refs/heads/main", tip);
  repository.ref("refs/heads/old", commits[1] as Oid);
  repository.ref("refs/tags/v1", tag);
  return {
    repository,
    commits: commits as unknown as History["commits"],
    tag,
    blob,
  };
}

/** What is said after the advertisement. */
async function answer(
  repository: FakeRepository,
  input: string,
  options: TalkOptions = {},
): Promise<string[]> {
  const { said, error } = await talk(repository, input, options);
  assert.equal(error, undefined);
  const packets = unpkt(said);
  return packets.slice(packets.indexOf("0000") + 1);
}

/** The kinds of packets of a pack: their bands, runs taken together. */
function bands(packets: readonly string[]): string {
  return packets.map((each) => each === "0000" ? "." : each.charCodeAt(0))
    .join("").replaceAll(/(\d)\1+/g, "$1");
}

describe("the advertisement of v0", () => {
  it("has HEAD, refs in order, and what tags peel to", async () => {
    const { repository, commits, tag } = history();
    const { said, error } = await talk(repository, "0000");
    assert.equal(error, undefined);
    assert.equal(
      said,
      pkts(
        `${commits[4]} HEAD\0${CAPABILITIES} symref=HEAD:refs/heads/main ` +
          `${AGENT}\n`,
        `${commits[4]} refs/heads/main\n`,
        `${commits[1]} refs/heads/old\n`,
        `${tag} refs/tags/v1\n`,
        `${commits[2]} refs/tags/v1^{}\n`,
        "0000",
      ),
    );
  });

  it("starts with the version in v1", async () => {
    const { repository } = history();
    const { said } = await talk(repository, "0000", { protocol: 1 });
    assert.ok(said.startsWith("000eversion 1\n"));
  });

  it("has capabilities without any ref, and the object format", async () => {
    const repository = new FakeRepository(SHA256);
    repository.ref("HEAD", "ref: refs/heads/main");
    const { said } = await talk(repository, "0000");
    assert.equal(
      said,
      pkts(
        `${"0".repeat(64)} capabilities^{}\0${CAPABILITIES} ` +
          "object-format=sha256 agent=test/1\n",
        "0000",
      ),
    );
  });

  it("has no symref for a detached HEAD", async () => {
    const { repository, commits } = history();
    repository.ref("HEAD", commits[0]);
    const { said } = await talk(repository, "0000");
    assert.ok(said.includes(`${commits[0]} HEAD\0`));
    assert.ok(!said.includes("symref="));
  });

  it("has the capabilities on the first ref of an unborn HEAD", async () => {
    const { repository, commits } = history();
    repository.ref("HEAD", "ref: refs/heads/none");
    const { said } = await talk(repository, "0000");
    assert.ok(said.slice(4).startsWith(`${commits[4]} refs/heads/main\0multi`));
  });

  it("leaves out refs to objects that are not here", async () => {
    const { repository } = history();
    repository.ref("refs/heads/lost", UNKNOWN);
    const { said } = await talk(repository, "0000");
    assert.ok(!said.includes("lost"));
  });

  it("ends with the repository's own shallow commits, sorted", async () => {
    const { repository, commits } = history();
    repository.shallow.push(...[...commits.slice(0, 2)].sort().reverse());
    const { said } = await talk(repository, "0000");
    const lines = [...commits.slice(0, 2)].sort().map((oid) =>
      `shallow ${oid}\n`
    );
    assert.ok(said.endsWith(pkts(...lines, "0000")));
  });

  it("keeps the bytes of names that are not ASCII", async () => {
    const { repository, commits } = history();
    repository.ref("refs/heads/caf\xe9\xff", commits[0]);
    const { said } = await talk(repository, "0000");
    assert.ok(said.includes(pkt(`${commits[0]} refs/heads/caf\xe9\xff\n`)));
  });

  it("streams many refs in many writes", async () => {
    const { repository, commits } = history();
    for (let n = 0; n < 12_000; n++) {
      repository.ref(`refs/heads/many/${n}`, commits[0]);
    }
    const { said, writes } = await talk(repository, "0000");
    assert.equal(unpkt(said).length, 12_006);
    assert.ok(writes > 3, `${writes} writes`);
  });
});

describe("a v0 conversation", () => {
  it("may end after the advertisement", async () => {
    const { repository } = history();
    for (const input of ["", "0000"]) {
      const { error } = await talk(repository, input);
      assert.equal(error, undefined);
    }
    assert.equal(repository.openSnapshots, 0);
  });

  it("sends a clone the whole pack on band 1, progress on band 2", async () => {
    const { repository, commits } = history();
    const said = await answer(
      repository,
      pkts(`want ${commits[4]} side-band-64k ofs-delta\n`, "0000", "done\n"),
    );
    assert.equal(said[0], "NAK\n");
    assert.deepEqual(said.slice(1, 4), [
      "\x02Enumerating objects: 16, done.\n",
      "\x02Counting objects: 100% (16/16), done.\n",
      "\x02Compressing objects: 100% (16/16), done.\n",
    ]);
    assert.ok(said[4]?.startsWith("\x01PACK\0\0\0\x02\0\0\0\x10"));
    assert.deepEqual(said.slice(5), [
      "\x02Total 16 (delta 0), reused 0 (delta 0), pack-reused 0\n",
      "0000",
    ]);
    assert.equal(repository.openSnapshots, 0);
  });

  it("is the same however the client's bytes were split", async () => {
    const { repository, commits } = history();
    const input = pkts(
      `want ${commits[4]} side-band-64k multi_ack_detailed no-progress\n`,
      "0000",
      `have ${commits[1]}\n`,
      `have ${UNKNOWN}\n`,
      "0000",
      "done\n",
    );
    const whole = await talk(repository, input);
    for (let chunk = 1; chunk < input.length; chunk += 1 + (chunk >> 3)) {
      const { said } = await talk(repository, input, { chunk });
      assert.equal(said, whole.said, `reads of ${chunk}`);
    }
  });

  it("sends no progress to a client that asks for none", async () => {
    const { repository, commits } = history();
    const said = await answer(
      repository,
      pkts(`want ${commits[4]} side-band no-progress\n`, "0000", "done\n"),
    );
    assert.equal(bands(said.slice(1)), "1.");
  });

  it("keeps to 995 bytes on side-band", async () => {
    const { repository } = history();
    const blob = repository.put(
      BLOB,
      Array.from({ length: 3000 }, (_, n) => `${n * n}`).join(),
    );
    repository.ref("refs/blobs/big", blob);
    const said = await answer(
      repository,
      pkts(`want ${blob} side-band no-progress\n`, "0000", "done\n"),
    );
    const lengths = said.slice(1, -1).map((each) => each.length);
    assert.ok(lengths.length > 5);
    assert.deepEqual([...new Set(lengths.slice(0, -1))], [996]);
  });

  it("sends a bare pack where no band was asked for", async () => {
    const { repository, commits } = history();
    const { said, error } = await talk(
      repository,
      pkts(`want ${commits[0]}\n`, "0000", "done\n")
        .replace(commits[0], commits[1]),
    );
    assert.equal(error, undefined);
    const at = said.indexOf("0008NAK\n");
    assert.ok(said.slice(at + 8).startsWith("PACK\0\0\0\x02"));
    assert.ok(!said.endsWith("0000"));
  });

  it("acknowledges in detail, and sends what is missing", async () => {
    const { repository, commits } = history();
    const said = await answer(
      repository,
      pkts(
        `want ${commits[4]} multi_ack_detailed side-band-64k no-progress\n`,
        "0000",
        `have ${UNKNOWN}\n`,
        "0000",
        `have ${commits[2]}\n`,
        `have ${commits[1]}\n`,
        "0000",
        "done\n",
      ),
    );
    assert.deepEqual(said.slice(0, 6), [
      "NAK\n",
      `ACK ${commits[2]} common\n`,
      `ACK ${commits[1]} common\n`,
      `ACK ${commits[1]} ready\n`,
      "NAK\n",
      `ACK ${commits[1]}\n`,
    ]);
    // Two commits, two trees and two versions of the file.
    assert.ok(said[6]?.startsWith("\x01PACK\0\0\0\x02\0\0\0\x06"));
  });

  it("acknowledges as long as one object is common, without capabilities", async () => {
    const { repository, commits } = history();
    const { said } = await talk(
      repository,
      pkts(
        `want ${commits[4]}\n`,
        "0000",
        `have ${commits[2]}\n`,
        `have ${commits[1]}\n`,
        "0000",
        "done\n",
      ),
    );
    const at = said.indexOf("0000") + 4;
    // The second is known from the first: git does not count it either.
    const acks = pkts(`ACK ${commits[2]}\n`, `ACK ${commits[1]}\n`);
    assert.equal(said.slice(at, at + acks.length + 4), `${acks}PACK`);
  });

  it("adds reached tags where include-tag was asked for", async () => {
    const { repository, commits } = history();
    const count = async (capability: string): Promise<number> => {
      const said = await answer(
        repository,
        pkts(
          `want ${commits[4]} side-band-64k no-progress ${capability}\n`,
          "0000",
          "done\n",
        ),
      );
      return (said[1] as string).charCodeAt(12);
    };
    assert.equal(await count(""), 16);
    assert.equal(await count("include-tag"), 17);
  });

  it("tells the boundary of a depth, and cuts there", async () => {
    const { repository, commits } = history();
    const said = await answer(
      repository,
      pkts(
        `want ${commits[4]} side-band-64k no-progress\n`,
        "deepen 2\n",
        "0000",
        "done\n",
      ),
    );
    assert.deepEqual(said.slice(0, 3), [
      `shallow ${commits[3]}`,
      "0000",
      "NAK\n",
    ]);
    assert.ok(said[3]?.startsWith("\x01PACK\0\0\0\x02\0\0\0\x07"));
  });

  it("tells what a deeper fetch makes whole", async () => {
    const { repository, commits } = history();
    const said = await answer(
      repository,
      pkts(
        `want ${commits[4]} side-band-64k no-progress multi_ack_detailed\n`,
        `shallow ${commits[3]}\n`,
        "deepen 2147483647\n",
        "0000",
        `have ${commits[4]}\n`,
        "0000",
        "done\n",
      ),
    );
    assert.deepEqual(said.slice(0, 2), [`unshallow ${commits[3]}`, "0000"]);
    assert.equal(said[2], `ACK ${commits[4]} common\n`);
    // Not ready: what is behind the old boundary is still wanted.
    assert.equal(said[3], "NAK\n");
    assert.equal(said[5]?.slice(0, 13), "\x01PACK\0\0\0\x02\0\0\0\x0a");
  });

  it("takes deepen-since and deepen-not", async () => {
    const { repository, commits } = history();
    for (const line of ["deepen-since 3500\n", "deepen-not v1\n"]) {
      const said = await answer(
        repository,
        pkts(
          `want ${commits[4]} side-band-64k no-progress\n`,
          line,
          "0000",
          "done\n",
        ),
      );
      assert.deepEqual(said.slice(0, 2), [`shallow ${commits[3]}`, "0000"]);
    }
  });

  it("says nothing of a depth where none was asked for", async () => {
    const { repository, commits } = history();
    const said = await answer(
      repository,
      pkts(
        `want ${commits[4]} side-band-64k no-progress\n`,
        `shallow ${commits[3]}\n`,
        "0000",
        "done\n",
      ),
    );
    assert.equal(said[0], "NAK\n");
  });
});
