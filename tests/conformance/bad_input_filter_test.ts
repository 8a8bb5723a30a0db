/**
 * Filters that upload-pack must refuse before it walks: malformed, forbidden,
 * too large, and such that name patterns which are none.
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
import { startDaemon } from "../support/server.ts";
import { expectRefusal, startCloneLoop } from "../support/server_refusal.ts";
import { converse, gitRequest, packets } from "../support/wire_client.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("bad-filters");
const good = smallRepository(join(root, "good.git"));
smallRepository(join(root, "secret.git"), { label: "secret" });
for (
  const [key, value] of [
    ["uploadpack.allowFilter", "true"],
    ["uploadpack.allowAnySHA1InWant", "true"],
    ["uploadpackfilter.object:type.allow", "false"],
    ["uploadpackfilter.tree.maxDepth", "20000"],
  ] as const
) gitSync(["config", key, value], { cwd: good.path });

const daemon = await startDaemon({
  args: [`--base-path=${root}`, "--export-all"],
});
const loop = startCloneLoop(daemon.url("/good.git"));

after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

const DEEP = `combine:${"combine:".repeat(5_000)}blob:none`;

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["none", /invalid filter-spec 'none'/],
  ["auto", /invalid filter-spec 'auto'/],
  ["tree:99999999999999999999", /expected 'tree:<depth>'/],
  ["tree:20001", /tree filter allows max depth 20000, but got 20001/],
  ["blob:limit=1x", /invalid filter-spec 'blob:limit=1x'/],
  ["sparse:path=/etc/passwd", /sparse:path filters support has been dropped/],
  ["object:type=blob", /filter 'object:type' not supported/],
  ["object:type=none", /is not a valid object type/],
  ["combine:", /expected something after combine:/],
  ["combine:%zz", /invalid filter-spec '%zz'/],
  ["combine:tree:1+blob:none ", /must escape char in sub-filter-spec: ' '/],
];

describe("a filter", () => {
  for (const [filter, words] of REFUSED) {
    it(`is refused in v0: ${filter}`, () =>
      expectRefusal(daemon, {
        send: [
          gitRequest("/good.git"),
          packets(`want ${good.main} filter\n`, `filter ${filter}\n`),
        ],
        words,
      }));
    it(`is refused in v2: ${filter}`, () =>
      expectRefusal(daemon, {
        send: [
          gitRequest("/good.git", { protocol: 2 }),
          fetchWith(good.main, filter),
        ],
        words,
      }));
  }

  it("is refused when it is nested 5,000 deep", () =>
    expectRefusal(daemon, {
      send: [
        gitRequest("/good.git", { protocol: 2 }),
        fetchWith(good.main, DEEP),
      ],
      words: /filter-spec too long/,
    }));

  it("is refused when it comes twice", () =>
    expectRefusal(daemon, {
      send: [
        gitRequest("/good.git"),
        packets(
          `want ${good.main} filter\n`,
          "filter tree:1\n",
          "filter tree:1\n",
        ),
      ],
      words: /multiple filter-specs cannot be combined/,
    }));

  for (
    const [name, words] of [
      ["../../x", "unable to access sparse blob in '../../x'"],
      ["../secret.git/HEAD", "unable to access sparse blob in"],
      ["config", "unable to access sparse blob in 'config'"],
      ["main:../../config", "relative path syntax can't be used"],
      ["main:no/such", "unable to access sparse blob in 'main:no/such'"],
      ["main", `unable to parse sparse filter data in ${good.main}`],
      ["main:dir", "unable to parse sparse filter data in "],
      [
        "12".repeat(20),
        `unable to parse sparse filter data in ${"12".repeat(20)}`,
      ],
    ] as const
  ) {
    it(`finds no patterns in ${name.slice(0, 30)}`, async () => {
      const text = await answer(good.main, `sparse:oid=${name}`);
      assert.ok(text.includes(words), text);
      assert.ok(!text.includes("PACK"), text);
    });
  }
});

it("clients beside all this clone as ever", async () => {
  assert.ok(await loop.stop() > 0);
});

/** A v2 fetch of `want` under a filter. */
function fetchWith(want: string, filter: string): Uint8Array {
  return packets(
    "command=fetch",
    "0001",
    `want ${want}`,
    `filter ${filter}`,
    "done",
    "0000",
  );
}

/** Everything that the server says to that. */
async function answer(want: string, filter: string): Promise<string> {
  const bytes = await converse(daemon.port, [
    gitRequest("/good.git", { protocol: 2 }),
    fetchWith(want, filter),
  ], { halfClose: true });
  return Buffer.from(bytes).toString("latin1");
}
