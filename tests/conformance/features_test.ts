/**
 * Every feature of upload-pack, a row each: protocol versions, the capabilities
 * of v0 and v1, the lines and arguments of v2, filters. Each row asks our
 * daemon, our `serve-command` and git's own program, and compares. What goes
 * deeper has tests of its own; that all rows stand is read here.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { FastImport, FIRST_DATE } from "../support/fixture_history.ts";
import { emptyRepository, importStream } from "../support/fixture.ts";
import { removeDirectory } from "../support/fixture_directory.ts";
import {
  capabilitiesOf,
  type FeatureRow,
  FeatureWorld,
  type Heard,
  linesOf,
  type Question,
  type Server,
  type Version,
  VERSIONS,
} from "../support/feature_world.ts";
import { gitSync, runProgram, tryGit } from "../support/git.ts";
import { itInParallel } from "../support/git_jobs.ts";
import { readFetchAnswer } from "../support/fetch_answer.ts";
import { packedIds, packedTypes } from "../support/pack_contents.ts";
import { ourCommand, serverEnvironment } from "../support/server.ts";
import { withoutIdentity } from "../support/server_session.ts";
import { after, describe } from "../support/test.ts";
import {
  converse,
  errorLine,
  gitRequest,
  packets,
  parsePackets,
} from "../support/wire_client.ts";

// Set up here, not in a hook: the rows below take these as constants.
const world = await FeatureWorld.start("features");
const plain = world.repository("plain.git");
const { main, parent, tag, blob, hidden, unreachable } = plain;
const HIDDEN = "uploadpack.hideRefs=refs/hidden";
world.repository("tip.git", [HIDDEN, "uploadpack.allowTipSHA1InWant=true"]);
world.repository("reach.git", ["uploadpack.allowReachableSHA1InWant=true"]);
world.repository("any.git", [HIDDEN, "uploadpack.allowAnySHA1InWant=true"]);
world.repository("sid.git", ["transfer.advertiseSID=true"]);
world.repository("unborn.git", ["lsrefs.unborn=ignore"]);
world.repository("filter.git", [
  "uploadpack.allowFilter=true",
  "uploadpack.allowAnySHA1InWant=true",
]);
world.repository("policy.git", [
  "uploadpack.allowFilter=true",
  "uploadpackfilter.allow=false",
  "uploadpackfilter.blob:none.allow=true",
]);
world.repository("rich.git", [
  HIDDEN,
  "uploadpack.allowRefInWant=true",
  "uploadpack.allowSidebandAll=true",
]);
world.repository("sizes.git", ["transfer.advertiseObjectInfo=true"]);
world.repository("later.git", [
  `uploadpack.blobPackfileUri=${blob} ${blob} https://example.com/a.pack`,
  "promisor.advertise=true",
  "remote.origin.promisor=true",
  "remote.origin.url=https://example.com/a.git",
]);
world.repository("bundles.git", [
  "uploadpack.advertiseBundleURIs=true",
  "bundle.version=1",
  "bundle.mode=all",
  "bundle.one.uri=https://example.com/one.bundle",
]);
world.repository("sha256.git", [], { format: "sha256" });
const big = world.repository("big.git", [], { label: "big", bigMebibytes: 1 });
emptyRepository(world.path("empty.git"), "sha1");
gitSync(
  ["clone", "-q", "--bare", "--depth=3", `file://${plain.path}`, "shallow.git"],
  { cwd: world.root },
);
const deltas = deltaRepository(world.path("deltas.git"));
const sparse = gitSync(["hash-object", "-w", "--stdin"], {
  cwd: world.path("filter.git"),
  input: "/*\n!/*/\n",
}).trim();
gitSync(
  ["clone", "-q", "--bare", "--depth=2", `file://${plain.path}`, "c.git"],
  {
    cwd: world.root,
  },
);

after(async () => {
  await world.daemon.stop();
  removeDirectory(world.root);
});

/** One repository whose blobs are deltas of each other. */
function deltaRepository(
  path: string,
): { readonly path: string; readonly main: string; readonly parent: string } {
  emptyRepository(path, "sha1");
  const stream = new FastImport();
  const lines = Array.from({ length: 300 }, (_, i) => `line ${i * 7919}\n`);
  let from: number | undefined;
  for (let i = 0; i < 6; i++) {
    lines[i * 40] = `changed ${i}\n`;
    from = stream.commit({
      ref: "refs/heads/main",
      parents: from === undefined ? [] : [from],
      date: FIRST_DATE + i * 60,
      changes: [stream.file("file", lines.join(""))],
    }).mark;
  }
  importStream(path, stream, "packed");
  gitSync(["repack", "-adfq"], { cwd: path });
  const ids = gitSync(["rev-parse", "main", "main^"], { cwd: path });
  const [tip = "", before = ""] = ids.split("\n");
  return { path, main: tip, parent: before };
}

/** A v0 fetch: the wants' line, what follows it, the haves. */
function fetchV0(
  want: string,
  capabilities: string,
  { more = [], haves = [] }: {
    readonly more?: readonly string[];
    readonly haves?: readonly string[];
  } = {},
): Question {
  return {
    input: packets(
      `want ${want} ${capabilities}\n`,
      ...more.map((line) => `${line}\n`),
      "0000",
      ...haves.map((oid) => `have ${oid}\n`),
      ...(haves.length > 0 ? ["0000"] : []),
      "done\n",
    ),
  };
}

/** A v2 fetch. */
function fetchV2(...lines: readonly string[]): Question {
  return { input: packets("command=fetch", "0001", ...lines, "0000") };
}

let rows = 0;

/**
 * A row of v0 and v1: offered in both, and then a fetch with it, in one of them
 * over git:// and in the other from `serve-command`, row by row in turns.
 */
function older(
  row: string,
  { name, offered, question, check }: {
    readonly name: string;
    readonly offered: RegExp;
    readonly question?: Question;
    readonly check?: (heard: Heard) => void;
  },
): FeatureRow {
  const turn = rows++ % 2;
  return {
    row,
    async shows() {
      for (const version of [0, 1] as const) {
        const servers: readonly Server[] = version === turn
          ? ["daemon"]
          : ["serve-command"];
        const told = await world.advertised(name, version, servers);
        const list = capabilitiesOf(told);
        assert.ok(list.some((each) => offered.test(each)), list.join(" "));
        if (question === undefined) continue;
        const asked = { ...question, servers };
        for (const each of await world.ask(name, version, asked)) check?.(each);
      }
    },
  };
}

/** A row of v2: offered, and then a request with it. */
function newer(
  row: string,
  { name, offered, question, check }: {
    readonly name: string;
    readonly offered: RegExp;
    readonly question?: Question;
    readonly check?: (heard: Heard) => void;
  },
): FeatureRow {
  return {
    row,
    async shows() {
      const told = await world.advertised(name, 2);
      assert.ok(told.some((line) => offered.test(line)), told.join(" | "));
      if (question === undefined) return;
      for (const each of await world.ask(name, 2, question)) check?.(each);
    },
  };
}

/** How many objects there are in the pack. */
function countOf({ from, answer }: Heard): number {
  assert.ok(answer.pack !== undefined, `${from} sent no pack`);
  return packedIds(answer.pack).length;
}

function has(line: string | RegExp): (heard: Heard) => void {
  return ({ from, answer, raw }) => {
    const found = answer.lines.some((each) =>
      typeof line === "string" ? each === line : line.test(each)
    );
    assert.ok(found, `${from}: ${answer.lines.join(" | ")} ${raw.slice(-200)}`);
  };
}

/** The longest data packet behind the advertisement, with its four digits. */
function longest(raw: string): number {
  const list = parsePackets(Buffer.from(raw, "latin1"));
  const start = list.findIndex(({ type }) => type === "flush");
  return Math.max(
    ...list.slice(start).map((each) =>
      each.type === "data" ? each.text.length + 4 : 0
    ),
  );
}

/** Whether anything came on band 2. */
function hasProgress(raw: string): boolean {
  return linesOf(raw).some((line) => line.startsWith("\x02"));
}

/** Asks our two alone, for what git 2.39 has not, or what is not ours. */
async function askOurs(
  name: string,
  version: Version,
  input: Uint8Array | string,
): Promise<readonly string[]> {
  const heard = await world.ask(name, version, { input, packs: "unread" });
  return heard.filter(({ from }) => from !== "git").map(({ raw }) => raw);
}

const BANDS = "side-band-64k ofs-delta no-progress";

const PROTOCOLS: readonly FeatureRow[] = [
  {
    row: "v0, without a line of its own",
    async shows() {
      const [first] = await world.advertised("plain.git", 0);
      assert.ok(first?.startsWith(`${main} HEAD\0multi_ack `), first);
    },
  },
  {
    row: "v1, with the line `version 1` before it",
    async shows() {
      const [first, second] = await world.advertised("plain.git", 1);
      assert.equal(first, "version 1");
      assert.ok(second?.startsWith(`${main} HEAD\0multi_ack `), second);
    },
  },
  {
    row: "v2, with its capabilities and no refs",
    async shows() {
      const told = await world.advertised("plain.git", 2);
      assert.equal(told[0], "version 2");
      assert.ok(!told.join().includes(main));
    },
  },
  {
    row: "pushes in any version, refused in plain words unless switched on",
    async shows() {
      for (const protocol of VERSIONS) {
        const { code, stderr } = await tryGit(
          ["push", world.daemon.url("/plain.git"), `${main}:refs/heads/new`],
          { cwd: plain.path, protocol },
        );
        assert.equal(code, 128);
        assert.match(stderr, /remote error: service not enabled: /);
      }
    },
  },
  {
    row: "selection: the highest version of git:// and of GIT_PROTOCOL",
    async shows() {
      const lines = ["version=1\0version=2", "version=2\0x=y\0version=0"];
      for (const line of lines) {
        const request = `git-upload-pack /plain.git\0host=x\0\0${line}\0`;
        const said = await converse(world.daemon.port, [
          packets(request),
          "0000",
        ]);
        assert.equal(
          linesOf(Buffer.from(said).toString("latin1"))[0],
          "version 2",
        );
      }
      const { program, args } = ourCommand();
      const GIT_PROTOCOL = "version=1:x=y:version=2:version=0";
      const { stdout } = await runProgram(
        program,
        [...args, "serve-command", "git-upload-pack", plain.path],
        { env: serverEnvironment({ GIT_PROTOCOL }), input: "0000" },
      );
      assert.equal(linesOf(stdout)[0], "version 2");
    },
  },
  {
    row: "--advertise-refs, --http-backend-info-refs and --stateless-rpc",
    async shows() {
      for (const option of ["--advertise-refs", "--http-backend-info-refs"]) {
        for (const version of [0, 2] as const) {
          const heard = await world.ask("plain.git", version, {
            input: "",
            options: [option],
            packs: "unread",
          });
          const [git, ours] = heard.map(({ raw }) => withoutIdentity(raw));
          assert.ok(git?.includes("agent="));
          assert.equal(ours, git);
        }
      }
      const heard = await world.ask("plain.git", 2, {
        ...fetchV2(`want ${main}`, "no-progress", "done"),
        options: ["--stateless-rpc"],
      });
      for (const each of heard) assert.ok(countOf(each) > 20);
    },
  },
  {
    row: "--strict and --timeout",
    async shows() {
      for (const option of ["--strict", "--timeout=60"]) {
        const heard = await world.ask("plain.git", 0, {
          ...fetchV0(main, BANDS),
          options: [option],
        });
        for (const each of heard) assert.ok(countOf(each) > 20);
      }
    },
  },
  {
    row: "ERR packets on failure",
    async shows() {
      for (const version of VERSIONS) {
        const question = version === 2
          ? fetchV2(`want ${"12".repeat(20)}`, "done")
          : fetchV0("12".repeat(20), BANDS);
        const heard = await world.ask("plain.git", version, question);
        for (const each of heard) has(/^ERR upload-pack: not our ref/)(each);
        const said = await converse(world.daemon.port, [
          gitRequest("/none", { protocol: version }),
        ]);
        assert.equal(errorLine(said), "no such repository: /none");
      }
    },
  },
];

const OLDER: readonly FeatureRow[] = [
  older("multi_ack", {
    name: "plain.git",
    offered: /^multi_ack$/,
    question: fetchV0(main, `multi_ack ${BANDS}`, { haves: [parent] }),
    check: has(`ACK ${parent} continue`),
  }),
  older("multi_ack_detailed", {
    name: "plain.git",
    offered: /^multi_ack_detailed$/,
    question: fetchV0(main, `multi_ack_detailed ${BANDS}`, { haves: [parent] }),
    check: has(`ACK ${parent} common`),
  }),
  {
    row: "no-done, without state alone",
    async shows() {
      for (const version of [0, 1] as const) {
        const told = await world.advertised("plain.git", version, ["daemon"]);
        assert.ok(!capabilitiesOf(told).includes("no-done"));
        const options = ["--stateless-rpc"];
        const adverts = await world.ask("plain.git", version, {
          input: "",
          options: [...options, "--advertise-refs"],
          packs: "unread",
        });
        for (const { raw } of adverts) {
          assert.ok(capabilitiesOf(linesOf(raw)).includes("no-done"));
        }
        const heard = await world.ask("plain.git", version, {
          input: packets(
            `want ${main} multi_ack_detailed no-done ${BANDS}\n`,
            "0000",
            `have ${parent}\n`,
            "0000",
          ),
          options,
        });
        for (const each of heard) assert.equal(countOf(each), 5, each.from);
      }
    },
  },
  older("thin-pack", {
    name: "deltas.git",
    offered: /^thin-pack$/,
    question: {
      ...fetchV0(deltas.main, `thin-pack ${BANDS}`, { haves: [deltas.parent] }),
      packs: "unread",
    },
    check: ({ from, raw }) => {
      const types = packedTypes(packOf(raw));
      assert.ok(types.includes("ref-delta"), `${from}: ${types.join(" ")}`);
    },
  }),
  older("side-band", {
    name: "big.git",
    offered: /^side-band$/,
    question: fetchV0(big.main, "side-band ofs-delta no-progress"),
    check: ({ raw }) => assert.equal(longest(raw), 1000),
  }),
  older("side-band-64k", {
    name: "big.git",
    offered: /^side-band-64k$/,
    question: fetchV0(big.main, BANDS),
    check: ({ from, raw }) => {
      // As full as whoever fills it likes, and never more than that.
      assert.ok(longest(raw) > 1000 && longest(raw) <= 65_520, from);
    },
  }),
  older("ofs-delta", {
    name: "deltas.git",
    offered: /^ofs-delta$/,
    question: fetchV0(deltas.main, BANDS),
    check: ({ raw, from }) => {
      const types = packedTypes(packOf(raw));
      assert.ok(types.includes("ofs-delta"), from);
      assert.ok(!types.includes("ref-delta"), from);
    },
  }),
  older("ofs-delta, not asked for", {
    name: "deltas.git",
    offered: /^ofs-delta$/,
    question: fetchV0(deltas.main, "side-band-64k no-progress"),
    check: ({ raw, from }) =>
      assert.ok(!packedTypes(packOf(raw)).includes("ofs-delta"), from),
  }),
  older("shallow and deepen", {
    name: "plain.git",
    offered: /^shallow$/,
    question: fetchV0(main, BANDS, { more: ["deepen 2"] }),
    check: has(`shallow ${parent}`),
  }),
  older("deepen to the end", {
    name: "plain.git",
    offered: /^shallow$/,
    question: fetchV0(main, `shallow ${BANDS}`, {
      more: [`shallow ${main}`, "deepen 2147483647"],
    }),
    check: has(`unshallow ${main}`),
  }),
  older("deepen-since", {
    name: "plain.git",
    offered: /^deepen-since$/,
    question: fetchV0(main, `deepen-since ${BANDS}`, {
      more: [`deepen-since ${FIRST_DATE + 8 * 60}`],
    }),
    check: has(/^shallow /),
  }),
  older("deepen-not", {
    name: "plain.git",
    offered: /^deepen-not$/,
    question: fetchV0(hidden, `deepen-not ${BANDS}`, {
      more: ["deepen-not refs/heads/main"],
    }),
    check: has(`shallow ${hidden}`),
  }),
  older("deepen-relative", {
    name: "plain.git",
    offered: /^deepen-relative$/,
    question: fetchV0(main, `deepen-relative ${BANDS}`, {
      more: [`shallow ${main}`, "deepen 1"],
      haves: [main],
    }),
    check: has(`shallow ${parent}`),
  }),
  {
    row: "all depths, for the real client",
    async shows() {
      const at = FIRST_DATE + 7 * 60;
      const from = world.path("c.git");
      for (
        const [args, version] of [
          [["--depth=3"], 0],
          [[`--shallow-since=${at}`], 1],
          [["--unshallow"], 2],
          [["--deepen=2"], 0],
        ] as const
      ) await world.fetched(from, "plain.git", [...args, "main"], version);
    },
  },
  older("no-progress", {
    name: "plain.git",
    offered: /^no-progress$/,
    question: fetchV0(main, BANDS),
    check: ({ raw, from }) => assert.ok(!hasProgress(raw), from),
  }),
  older("no-progress, not asked for", {
    name: "plain.git",
    offered: /^no-progress$/,
    question: fetchV0(main, "side-band-64k ofs-delta"),
    check: ({ raw, from }) => assert.ok(hasProgress(raw), from),
  }),
  older("include-tag", {
    name: "plain.git",
    offered: /^include-tag$/,
    question: fetchV0(main, `include-tag ${BANDS}`),
    check: ({ answer, from }) =>
      assert.ok(packedIds(answer.pack ?? Buffer.of()).includes(tag), from),
  }),
  older("include-tag, not asked for", {
    name: "plain.git",
    offered: /^include-tag$/,
    question: fetchV0(main, BANDS),
    check: ({ answer, from }) =>
      assert.ok(!packedIds(answer.pack ?? Buffer.of()).includes(tag), from),
  }),
  older("allow-tip-sha1-in-want", {
    name: "tip.git",
    offered: /^allow-tip-sha1-in-want$/,
    question: fetchV0(hidden, BANDS),
    check: (heard) => assert.ok(countOf(heard) > 20),
  }),
  older("allow-reachable-sha1-in-want", {
    name: "reach.git",
    offered: /^allow-reachable-sha1-in-want$/,
    question: fetchV0(parent, BANDS),
    check: (heard) => assert.ok(countOf(heard) > 20),
  }),
  older("any object in want", {
    name: "any.git",
    offered: /^allow-reachable-sha1-in-want$/,
    question: fetchV0(unreachable, BANDS),
    check: (heard) => assert.ok(countOf(heard) > 20),
  }),
  older("none of these wants, where none is configured", {
    name: "plain.git",
    offered: /^multi_ack$/,
    question: fetchV0(unreachable, BANDS),
    check: has(/^ERR upload-pack: not our ref/),
  }),
  older("symref=HEAD:<ref>", {
    name: "plain.git",
    offered: /^symref=HEAD:refs\/heads\/main$/,
  }),
  older("filter", {
    name: "filter.git",
    offered: /^filter$/,
    question: fetchV0(main, `filter ${BANDS}`, { more: ["filter tree:0"] }),
    check: (heard) => assert.equal(countOf(heard), 10),
  }),
  older("session-id=", { name: "sid.git", offered: /^session-id=./ }),
  older("object-format=", {
    name: "sha256.git",
    offered: /^object-format=sha256$/,
  }),
  older("agent=, and any agent of a client's", {
    name: "plain.git",
    offered: /^agent=./,
    question: fetchV0(main, `${BANDS} agent=nobody/0-\x7f x-unknown=1`),
    check: (heard) => assert.ok(countOf(heard) > 20),
  }),
  {
    row: "peeled tags",
    async shows() {
      for (const version of [0, 1] as const) {
        const told = await world.advertised("plain.git", version);
        assert.ok(told.includes(`${main} refs/tags/v1^{}`));
      }
    },
  },
  {
    row: "capabilities^{} for an empty repository",
    async shows() {
      for (const version of [0, 1] as const) {
        // As git does from 2.41 on.
        for (const raw of await askOurs("empty.git", version, "0000")) {
          const line = linesOf(raw)[version] ?? "";
          assert.ok(line.startsWith(`${"0".repeat(40)} capabilities^{}\0`));
        }
      }
    },
  },
  {
    row: "the server's own shallow commits",
    async shows() {
      for (const version of [0, 1] as const) {
        const told = await world.advertised("shallow.git", version);
        assert.ok(told.some((line) => line.startsWith("shallow ")));
      }
    },
  },
];

const NEWER: readonly FeatureRow[] = [
  newer("agent=", { name: "plain.git", offered: /^agent=./ }),
  newer("ls-refs: peel, symrefs, ref-prefix", {
    name: "plain.git",
    offered: /^ls-refs=/,
    question: {
      input: packets(
        ...["command=ls-refs", "0001", "peel", "symrefs"],
        ...["ref-prefix HEAD", "ref-prefix refs/tags/", "0000"],
      ),
    },
    check: ({ answer }) =>
      assert.deepEqual(answer.lines, [
        `${main} HEAD symref-target:refs/heads/main`,
        `${tag} refs/tags/v1 peeled:${main}`,
        "flush",
      ]),
  }),
  newer("ls-refs=unborn", {
    name: "empty.git",
    offered: /^ls-refs=unborn$/,
    question: {
      input: packets("command=ls-refs", "0001", "unborn", "symrefs", "0000"),
    },
    check: has("unborn HEAD symref-target:refs/heads/main"),
  }),
  {
    row: "ls-refs=unborn, not offered where lsrefs.unborn says so",
    async shows() {
      const told = await world.advertised("unborn.git", 2);
      assert.ok(told.includes("ls-refs"));
    },
  },
  newer("fetch=shallow: deepen", {
    name: "plain.git",
    offered: /^fetch=shallow( |$)/,
    question: fetchV2(`want ${main}`, "no-progress", "deepen 2", "done"),
    check: has(`shallow ${parent}`),
  }),
  newer("fetch=shallow: deepen-since", {
    name: "plain.git",
    offered: /^fetch=shallow( |$)/,
    question: fetchV2(
      `want ${main}`,
      `deepen-since ${FIRST_DATE + 8 * 60}`,
      "done",
    ),
    check: has(/^shallow /),
  }),
  newer("fetch=shallow: deepen-not", {
    name: "plain.git",
    offered: /^fetch=shallow( |$)/,
    question: fetchV2(`want ${hidden}`, "deepen-not refs/heads/main", "done"),
    check: has(`shallow ${hidden}`),
  }),
  newer("fetch=shallow: deepen-relative", {
    name: "plain.git",
    offered: /^fetch=shallow( |$)/,
    question: fetchV2(
      ...[`want ${main}`, `have ${main}`, `shallow ${main}`],
      ...["deepen 1", "deepen-relative", "done"],
    ),
    check: has(`unshallow ${main}`),
  }),
  newer("fetch=wait-for-done", {
    name: "plain.git",
    offered: /^fetch=.*\bwait-for-done\b/,
    question: fetchV2(`want ${main}`, `have ${main}`, "wait-for-done"),
    check: ({ answer, from }) => {
      assert.ok(answer.lines.includes(`ACK ${main}`), from);
      assert.equal(answer.pack, undefined, from);
    },
  }),
  newer("fetch=filter", {
    name: "filter.git",
    offered: /^fetch=.*\bfilter\b/,
    question: fetchV2(`want ${main}`, "filter tree:0", "no-progress", "done"),
    check: (heard) => assert.equal(countOf(heard), 10),
  }),
  newer("fetch=ref-in-want", {
    name: "rich.git",
    offered: /^fetch=.*\bref-in-want\b/,
    question: fetchV2("want-ref refs/heads/main", "no-progress", "done"),
    check: has(`${main} refs/heads/main`),
  }),
  {
    row: "want-ref of what is unknown, hidden, no ref, or asked for twice",
    async shows() {
      const lists = [
        ["refs/heads/none"],
        ["refs/hidden/one"],
        ["main"],
        ["../../x"],
        ["refs/heads/main", "refs/heads/main"],
      ];
      for (const refs of lists) {
        const wanted = refs.map((ref) => `want-ref ${ref}`);
        const question = fetchV2(...wanted, "no-progress", "done");
        for (const each of await world.ask("rich.git", 2, question)) {
          const [ref] = refs;
          if (refs.length === 1) has(`ERR unknown ref ${ref}`)(each);
          else assert.ok(countOf(each) > 20);
        }
      }
    },
  },
  newer("fetch=sideband-all", {
    name: "rich.git",
    offered: /^fetch=.*\bsideband-all\b/,
    question: {
      ...fetchV2(`want ${main}`, "sideband-all", "no-progress", "done"),
      packs: "unread",
    },
    check: ({ raw }) => assert.ok(linesOf(raw).includes("\x01packfile")),
  }),
  {
    row: "fetch=packfile-uris, not offered, and no pack without its objects",
    async shows() {
      const input = packets(
        ...["command=fetch", "0001", `want ${main}`],
        ...["packfile-uris https", "done", "0000"],
      );
      for (const raw of await askOurs("later.git", 2, input)) {
        assert.ok(!linesOf(raw).some((line) => /^fetch=.*uris/.test(line)));
        // git takes the line, too, where it has nothing to say to it.
        assert.ok(packedIds(packOf(raw)).includes(blob));
      }
      const { code, stderr } = await tryGit([
        ...["-c", "fetch.uriProtocols=https", "clone", "-q", "--bare"],
        world.daemon.url("/later.git"),
        world.path("without-uris.git"),
      ], { protocol: 2 });
      assert.deepEqual([code, stderr], [0, ""]);
    },
  },
  newer("server-option", {
    name: "plain.git",
    offered: /^server-option$/,
    question: {
      input: packets(
        ...["command=ls-refs", "server-option=a", "server-option=b=c"],
        ...["0001", "ref-prefix refs/tags/", "0000"],
      ),
    },
    check: has(`${tag} refs/tags/v1`),
  }),
  newer("object-format=", {
    name: "sha256.git",
    offered: /^object-format=sha256$/,
  }),
  newer("session-id=", { name: "sid.git", offered: /^session-id=./ }),
  newer("object-info", {
    name: "sizes.git",
    offered: /^object-info/,
    question: {
      input: packets(
        "command=object-info",
        "0001",
        "size",
        `oid ${main}`,
        "0000",
      ),
    },
    check: has(new RegExp(`^${main} \\d+$`)),
  }),
  {
    row: "bundle-uri",
    async shows() {
      const input = packets("command=bundle-uri", "0000");
      for (const raw of await askOurs("bundles.git", 2, input)) {
        const told = linesOf(raw);
        assert.ok(told.includes("bundle-uri"));
        assert.ok(
          told.includes("bundle.one.uri=https://example.com/one.bundle"),
        );
      }
    },
  },
  {
    row: "promisor-remote, not offered and refused",
    async shows() {
      const input = packets("command=ls-refs", "promisor-remote=x", "0000");
      for (const raw of await askOurs("later.git", 2, input)) {
        assert.ok(raw.includes("ERR unknown capability 'promisor-remote=x'"));
        assert.ok(!linesOf(raw).some((line) => line.startsWith("promisor-")));
      }
    },
  },
  {
    row: "fetch arguments that nobody knows, refused",
    async shows() {
      const question = fetchV2(`want ${main}`, "evil", "done");
      const input = question.input as Uint8Array;
      for (const raw of await askOurs("plain.git", 2, input)) {
        assert.ok(raw.includes("ERR unexpected line: 'evil'"));
      }
    },
  },
  {
    // git's server has the first two the other way round, and its own client
    // fails of it.
    row: "fetch sections, in the specification's order",
    async shows() {
      const input = packets(
        ...["command=fetch", "0001", "want-ref refs/heads/main"],
        ...["no-progress", "deepen 1", "done", "0000"],
      );
      for (const raw of await askOurs("rich.git", 2, input)) {
        const told = linesOf(raw).filter((line) =>
          /^[a-z]+-?[a-z]+$/.test(line)
        );
        assert.deepEqual(
          told.slice(-3),
          ["shallow-info", "wanted-refs", "packfile"],
        );
      }
    },
  },
  newer("acknowledgments, and ready", {
    name: "plain.git",
    offered: /^fetch=/,
    question: fetchV2(`want ${main}`, "no-progress", `have ${parent}`),
    check: (heard) => {
      has("acknowledgments")(heard);
      has("ready")(heard);
      assert.equal(countOf(heard), 5);
    },
  }),
];

/** A filter that is granted: raw in every version, and a clone by the client. */
function filtered(row: string, spec: string, index: number): FeatureRow {
  return {
    row,
    async shows() {
      const counts = new Set<number>();
      for (const version of VERSIONS) {
        const filter = `filter ${spec}`;
        const question = version === 2
          ? fetchV2(`want ${main}`, "no-progress", filter, "done")
          : fetchV0(main, `filter ${BANDS}`, { more: [filter] });
        const servers: readonly Server[] = version === index % 3
          ? ["serve-command"]
          : ["daemon"];
        const asked = { ...question, servers };
        for (const each of await world.ask("filter.git", version, asked)) {
          counts.add(countOf(each));
        }
      }
      assert.equal(counts.size, 1);
      const [count = 0] = counts;
      assert.ok(count > 0 && count < ALL, String(count));
      const args = [`--filter=${spec}`, "--single-branch", "--no-tags"];
      const clone = await world.cloned(
        "filter.git",
        args,
        VERSIONS[index % VERSIONS.length] as Version,
      );
      // The client may have asked for more by itself.
      assert.ok(clone.state.objects.length >= count);
    },
  };
}

/** A filter that is refused, in git's words. */
function refused(
  row: string,
  { name = "filter.git", spec, words }: {
    readonly name?: string;
    readonly spec: string;
    readonly words: RegExp;
  },
): FeatureRow {
  return {
    row,
    async shows() {
      for (const version of VERSIONS) {
        const filter = `filter ${spec}`;
        const question = version === 2
          ? fetchV2(`want ${main}`, filter, "done")
          : fetchV0(main, `filter ${BANDS}`, { more: [filter] });
        const input = question.input as Uint8Array;
        for (const raw of await askOurs(name, version, input)) {
          const [line = "none"] = linesOf(raw).slice(-1);
          assert.match(line, words);
          assert.ok(line.startsWith("ERR "), line);
        }
      }
    },
  };
}

const ALL = Number(
  gitSync(["rev-list", "--objects", "--count", "main"], { cwd: plain.path }),
);

const FILTERS: readonly FeatureRow[] = [
  filtered("blob:none", "blob:none", 0),
  filtered("blob:limit=<n>[kmg]", "blob:limit=8", 1),
  filtered("tree:<depth>", "tree:1", 2),
  filtered("sparse:oid=<blob-ish>", `sparse:oid=${sparse}`, 0),
  filtered("object:type=<type>", "object:type=commit", 1),
  filtered("combine:<a>+<b>", "combine:blob:none+tree:2", 2),
  refused("sparse:path, refused", {
    spec: "sparse:path=/etc/passwd",
    words: /sparse:path filters support has been dropped/,
  }),
  refused("auto, refused", {
    spec: "auto",
    words: /invalid filter-spec 'auto'/,
  }),
  refused("uploadpackfilter.allow=false", {
    name: "policy.git",
    spec: "tree:1",
    words: /filter 'tree' not supported/,
  }),
  {
    row: "uploadpackfilter.allow=false, for the real client",
    async shows() {
      for (const protocol of VERSIONS) {
        const { code, stderr } = await tryGit([
          ...["clone", "-q", "--bare", "--filter=tree:1"],
          ...[world.daemon.url("/policy.git"), world.path(`no-${protocol}`)],
        ], { protocol });
        assert.equal(code, 128);
        assert.match(stderr, /remote error: filter 'tree' not supported/);
      }
    },
  },
  {
    row: "uploadpackfilter.<filter>.allow=true",
    async shows() {
      await world.cloned("policy.git", ["--filter=blob:none"], 0);
    },
  },
  {
    row: "objects that a filter left out, fetched later",
    async shows() {
      for (const version of [0, 2] as const) {
        const target = world.path(`lazy-${version}`);
        const url = world.daemon.url("/filter.git");
        const options = { protocol: version };
        await tryGit(
          ["clone", "-q", "--filter=blob:none", url, target],
          options,
        );
        const { code, stdout } = await tryGit(
          ["show", "HEAD~3:file"],
          { cwd: target, ...options },
        );
        assert.deepEqual([code, stdout], [0, "small 6\n"]);
      }
    },
  },
];

function packOf(raw: string): Uint8Array {
  const { pack } = readFetchAnswer(Buffer.from(raw, "latin1"));
  assert.ok(pack !== undefined, raw.slice(-300));
  return pack;
}

const TABLES: Readonly<Record<string, readonly FeatureRow[]>> = {
  "protocol versions": PROTOCOLS,
  "upload-pack in v0 and v1": OLDER,
  "upload-pack in v2": NEWER,
  "filters": FILTERS,
};

for (const [title, rows] of Object.entries(TABLES)) {
  describe(title, () => {
    itInParallel(rows.map(({ row, shows }) => ({ title: row, run: shows })));
  });
}
