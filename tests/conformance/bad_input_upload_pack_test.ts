/**
 * Requests that upload-pack must refuse, or take although they are odd: wants
 * and haves, shallow lines, filters, v2 commands. The words are git's.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "../support/test.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { gitSync } from "../support/git.ts";
import { type Daemon, startDaemon } from "../support/server.ts";
import { expectRefusal, startCloneLoop } from "../support/server_refusal.ts";
import {
  connectWire,
  converse,
  errorLine,
  gitRequest,
  packets,
  parsePackets,
  pkt,
  type Wire,
} from "../support/wire_client.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("upload-pack");
const good = smallRepository(join(root, "good.git"));
const absent = "12".repeat(20);
const V2 = { protocol: 2 } as const;

/** Repositories with settings, by name; all hold the same objects. */
const SETTINGS = {
  "plain.git": [],
  "hidden.git": ["uploadpack.hideRefs=refs/hidden"],
  "tip.git": [
    "uploadpack.hideRefs=refs/hidden",
    "uploadpack.allowTipSHA1InWant=true",
  ],
  "head.git": ["transfer.hideRefs=refs/heads"],
  "reachable.git": [
    "transfer.hideRefs=refs/hidden",
    "uploadpack.allowReachableSHA1InWant=true",
  ],
  "any.git": ["uploadpack.allowAnySHA1InWant=true"],
} as const;

for (const [name, settings] of Object.entries(SETTINGS)) {
  const { path } = smallRepository(join(root, name));
  for (const setting of settings) {
    const [key = "", value = ""] = setting.split("=");
    gitSync(["config", key, value], { cwd: path });
  }
}

const daemon: Daemon = await startDaemon({
  args: [`--base-path=${root}`, "--export-all"],
});
const loop = startCloneLoop(daemon.url("/good.git"));

after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

const v0 = gitRequest("/good.git");
const v2 = gitRequest("/good.git", V2);

describe("a want in v0", () => {
  const NOT_OURS = /upload-pack: not our ref [0-9a-f]{40}$/;
  const OBJECT_ID = /expected to get object ID, not 'want /;
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["that is not hexadecimal", "zz".repeat(20), OBJECT_ID],
    ["of 39 digits", good.main.slice(1), OBJECT_ID],
    ["that is a path", "../../../etc/passwd", OBJECT_ID],
    ["of 40 characters with slashes", "../".repeat(13) + "x", OBJECT_ID],
    ["that is a ref name", "refs/heads/main", OBJECT_ID],
    // git takes 40 digits of 41 or 64 and the rest for a capability.
    ["of 41 digits, absent", `${absent}1`, /not our ref|object ID/],
    ["of 64 digits, absent", "12".repeat(32), /not our ref|object ID/],
    ["of an absent object", absent, NOT_OURS],
    ["of the null id", "0".repeat(40), NOT_OURS],
    ["of a commit that is no tip", good.parent, NOT_OURS],
    ["of a blob", good.blob, NOT_OURS],
    ["of an unreachable commit", good.unreachable, NOT_OURS],
  ];
  for (const [what, oid, words] of cases) {
    it(`is refused: ${what}`, async () => {
      await expectRefusal(daemon, {
        send: [v0, packets(`want ${oid}\n`, "0000", "done\n")],
        words,
      });
    });
  }
});

describe("a want in v2", () => {
  const OBJECT_ID = /expected to get oid, not 'want /;
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["that is not hexadecimal", "zz".repeat(20), OBJECT_ID],
    ["of 39 digits", good.main.slice(1), OBJECT_ID],
    ["that is a path", "../../../etc/passwd", OBJECT_ID],
    ["of an absent object", absent, /upload-pack: not our ref 1212/],
  ];
  for (const [what, oid, words] of cases) {
    it(`is refused: ${what}`, async () => {
      await expectRefusal(daemon, {
        send: [v2, fetchV2(`want ${oid}`, "done")],
        words,
      });
    });
  }
});

describe("the policy for wants", () => {
  type Verdict = "pack" | "refused";
  const rows: readonly (readonly [
    keyof typeof SETTINGS,
    keyof typeof good,
    Verdict,
    Verdict,
  ])[] = [
    // repository, object, v0, v2: v2 serves whatever exists, as git does.
    ["plain.git", "main", "pack", "pack"],
    ["plain.git", "tag", "pack", "pack"],
    ["plain.git", "hidden", "pack", "pack"],
    ["plain.git", "parent", "refused", "pack"],
    ["plain.git", "unreachable", "refused", "pack"],
    ["plain.git", "blob", "refused", "pack"],
    ["hidden.git", "hidden", "refused", "pack"],
    // HEAD is shown though the ref it names is hidden.
    ["head.git", "main", "pack", "pack"],
    ["head.git", "parent", "refused", "pack"],
    ["tip.git", "hidden", "pack", "pack"],
    ["tip.git", "parent", "refused", "pack"],
    ["reachable.git", "parent", "pack", "pack"],
    ["reachable.git", "hidden", "pack", "pack"],
    ["reachable.git", "unreachable", "refused", "pack"],
    // git looks at what reaches commits alone.
    ["reachable.git", "blob", "pack", "pack"],
    ["any.git", "unreachable", "pack", "pack"],
    ["any.git", "blob", "pack", "pack"],
  ];
  for (const [name, object, inV0, inV2] of rows) {
    it(`for ${object} of ${name} is ${inV0} in v0, ${inV2} in v2`, async () => {
      const oid = good[object];
      const asked: readonly (readonly [Verdict, Wire[]])[] = [
        [inV0, [
          gitRequest(`/${name}`),
          packets(`want ${oid} side-band-64k\n`, "0000", "done\n"),
        ]],
        [inV2, [gitRequest(`/${name}`, V2), fetchV2(`want ${oid}`, "done")]],
      ];
      for (const [verdict, send] of asked) {
        const answer = await converse(daemon.port, send, { halfClose: true });
        const text = Buffer.from(answer).toString("latin1");
        if (verdict === "pack") assert.ok(text.includes("\x01PACK"), text);
        else {
          assert.equal(
            errorLine(answer),
            `upload-pack: not our ref ${oid}`,
          );
        }
      }
    });
  }
});

describe("many lines", () => {
  it("of the same want give one pack", async () => {
    await expectPack([
      v0,
      pkt(`want ${good.main} side-band-64k\n`),
      packets(new Array<string>(200_000).fill(`want ${good.main}\n`)),
      packets("0000", "done\n"),
    ]);
  });

  it("of haves that nobody knows give the whole pack in v0", async () => {
    await expectPack([
      v0,
      packets(`want ${good.main} side-band-64k\n`, "0000"),
      packets(unknownHaves(200_000), "done\n"),
    ]);
  });

  it("of haves that nobody knows give the whole pack in v2", async () => {
    await expectPack([
      v2,
      fetchV2(`want ${good.main}`, unknownHaves(100_000), "done"),
    ]);
  });

  it("of absent shallow commits are passed over", async () => {
    const lines = unknownHaves(100_000)
      .map((line) => line.replace("have", "shallow"));
    await expectPack([
      v2,
      fetchV2(lines, `want ${good.main}`, "done"),
    ]);
  });

  it("of rounds of haves are each answered with NAK", async () => {
    const client = await connectWire(daemon.port);
    await client.send(v0);
    await client.untilFlush();
    client.forget();
    await client.send(packets(`want ${good.main} side-band-64k\n`, "0000"));
    for (let round = 1; round <= 50; round++) {
      await client.send(packets(unknownHaves(16), "0000"));
      await client.atLeast(round * 8);
      assert.equal(client.received, round * 8);
    }
    await client.send(packets("done\n"));
    const answer = Buffer.from(await client.untilClosed()).toString("latin1");
    assert.ok(answer.startsWith("0008NAK\n".repeat(51)));
    assert.ok(answer.includes("\x01PACK"));
  });
});

describe("depth and shallow lines", () => {
  const TOGETHER = /deepen and deepen-since \(or deepen-not\) cannot be used/;
  const cases: readonly (readonly [string[], RegExp])[] = [
    [["deepen -1"], /Invalid deepen: deepen -1/],
    [["deepen 0"], /Invalid deepen: deepen 0/],
    [["deepen x"], /Invalid deepen: deepen x/],
    [["deepen 3x"], /Invalid deepen: deepen 3x/],
    [["deepen "], /Invalid deepen: deepen /],
    [["deepen 99999999999999999999"], /Invalid deepen: deepen 9999/],
    [["deepen 2", "deepen-since 1600000000"], TOGETHER],
    [["deepen 2", "deepen-not refs/tags/v1"], TOGETHER],
    [["deepen-since x"], /Invalid deepen-since: deepen-since x/],
    [["deepen-since 12y"], /Invalid deepen-since: deepen-since 12y/],
    [
      ["deepen-since 99999999999999999999999"],
      /Invalid deepen-since: deepen-since 9999/,
    ],
    [["deepen-since 4000000000"], /no commits selected for shallow requests/],
    [["deepen-not none"], /ambiguous deepen-not: deepen-not none/],
    [["deepen-not ../../x"], /ambiguous deepen-not: deepen-not \.\.\/\.\.\/x/],
    [["deepen-not "], /ambiguous deepen-not: deepen-not /],
    [[`shallow ${good.blob}`], /invalid shallow object [0-9a-f]{40}/],
    [["shallow zz"], /invalid shallow line: shallow zz/],
    [["shallow ../../x"], /invalid shallow line: shallow \.\.\/\.\.\/x/],
  ];
  for (const [lines, words] of cases) {
    it(`are refused: ${lines.join(", ")}`, async () => {
      await expectRefusal(daemon, {
        send: [
          v0,
          packets(
            `want ${good.main}\n`,
            ...lines.map((line) => `${line}\n`),
            "0000",
            "done\n",
          ),
        ],
        words,
      });
      await expectRefusal(daemon, {
        send: [v2, fetchV2(`want ${good.main}`, ...lines, "done")],
        words,
      });
    });
  }

  it("take the last of two depths", async () => {
    const answer = await expectPack([
      v2,
      fetchV2(`want ${good.main}`, "deepen 5", "deepen 1", "done"),
    ]);
    assert.ok(answer.includes(`shallow ${good.main}`));
  });
});

describe("a filter", () => {
  it("is refused in v0 when it was not negotiated", async () => {
    await expectRefusal(daemon, {
      send: [
        v0,
        packets(`want ${good.main}\n`, "filter blob:none\n", "0000", "done\n"),
      ],
      words: /filtering capability not negotiated/,
    });
  });

  for (
    const filter of [
      "blob:none",
      "no-such-filter",
      "sparse:oid=../../x",
      "tree:99999999999999999999",
      `combine:${"combine:".repeat(5_000)}blob:none`,
      "combine:%zz",
    ]
  ) {
    it(`is no argument while filters are off: ${filter.slice(0, 30)}`, async () => {
      await expectRefusal(daemon, {
        send: [v2, fetchV2(`want ${good.main}`, `filter ${filter}`, "done")],
        words: /unexpected line: 'filter /,
      });
    });
  }
});

describe("a v2 request", () => {
  const cases: readonly (readonly [string, Wire, RegExp])[] = [
    [
      "for an unknown command",
      packets("command=evil", "0000"),
      /invalid command 'evil'/,
    ],
    [
      "for a capability that is no command",
      packets("command=agent", "0000"),
      /invalid command 'agent'/,
    ],
    [
      "for a command with a value",
      packets("command=fetch=1", "0000"),
      /invalid command 'fetch=1'/,
    ],
    [
      "for two commands",
      packets("command=ls-refs", "command=fetch", "0000"),
      /command 'fetch' requested after already requesting command 'ls-refs'/,
    ],
    [
      "for two commands at once",
      packets("command=ls-refs", "command=ls-refs", "0000"),
      /command 'ls-refs' requested after already requesting/,
    ],
    [
      "with an unknown capability",
      packets("command=ls-refs", "evil=1", "0000"),
      /unknown capability 'evil=1'/,
    ],
    [
      "with a command as a capability",
      packets("command=ls-refs", "fetch", "0000"),
      /unknown capability 'fetch'/,
    ],
    [
      "without a command",
      packets("agent=x", "0000"),
      /no command requested/,
    ],
    [
      "in another object format",
      packets("command=ls-refs", "object-format=sha256", "0001", "0000"),
      /mismatched object format: server sha1; client sha256/,
    ],
    [
      "in an unknown object format",
      packets("command=ls-refs", "object-format=md5", "0001", "0000"),
      /unknown object format 'md5'/,
    ],
    [
      "without a value for the object format",
      packets("command=ls-refs", "object-format", "0001", "0000"),
      /object-format capability requires an argument/,
    ],
    [
      "with an argument that ls-refs does not have",
      packets("command=ls-refs", "0001", "evil", "0000"),
      /unexpected line: 'evil'/,
    ],
    [
      "with an argument that fetch does not have",
      packets("command=fetch", "0001", "evil", "0000"),
      /unexpected line: 'evil'/,
    ],
    [
      "with a have that is no id",
      fetchV2(`want ${good.main}`, "have zz", "done"),
      /expected SHA1 object, got 'zz'/,
    ],
  ];
  for (const [what, input, words] of cases) {
    it(`is refused: ${what}`, async () => {
      await expectRefusal(daemon, { send: [v2, input], words });
    });
  }

  for (
    const ref of [
      "refs/heads/main",
      "refs/heads/none",
      "refs/hidden/one",
      "../../x",
      "main",
    ]
  ) {
    // No server here advertises ref-in-want, so that no ref is looked up.
    it(`is refused: with want-ref ${ref} while that is off`, async () => {
      await expectRefusal(daemon, {
        send: [
          gitRequest("/hidden.git", V2),
          fetchV2(`want-ref ${ref}`, "done"),
        ],
        words: new RegExp(
          `unexpected line: 'want-ref ${ref.replaceAll(".", "\\.")}'`,
        ),
      });
    });
  }

  it("without wants is answered with nothing, and the next one is", async () => {
    const client = await connectWire(daemon.port);
    await client.send(v2);
    await client.untilFlush();
    client.forget();
    await client.send(
      fetchV2("done"),
      packets("command=ls-refs", "0001", "ref-prefix refs/heads/", "0000"),
      "0000",
    );
    const answer = parsePackets(await client.untilClosed());
    assert.deepEqual(answer, [
      { type: "data", text: `${good.main} refs/heads/main\n` },
      { type: "flush" },
    ]);
  });
});

it("clients beside all this clone as ever", async () => {
  assert.ok(await loop.stop() > 0);
});

/** A v2 fetch with these arguments. */
function fetchV2(
  ...args: readonly (string | readonly string[])[]
): Uint8Array {
  return packets("command=fetch", "0001", args.flat(), "0000");
}

function unknownHaves(count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `have ${(index + 1).toString(16).padStart(40, "e")}`,
  );
}

/** Sends the parts, then FIN, and expects a pack on the first band. */
async function expectPack(parts: readonly Wire[]): Promise<string> {
  const answer = await converse(daemon.port, parts, {
    halfClose: true,
    deadline: 60_000,
  });
  const text = Buffer.from(answer).toString("latin1");
  assert.ok(text.includes("\x01PACK"), JSON.stringify(text.slice(-300)));
  return text;
}
