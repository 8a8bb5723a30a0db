/**
 * Descriptions of commits compared with `git describe`, over generated
 * histories with many tags.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fromBinary } from "../../../src/core/bytes.ts";
import { type Oid, SHA1 } from "../../../src/core/oid.ts";
import {
  describeCommit,
  type DescribeSource,
  readTagFacts,
  type TagFacts,
} from "../../../src/archive/describe.ts";
import type { DescribeOptions } from "../../../src/archive/format_sources.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { git, tryGit } from "../../support/git.ts";
import { type Random, seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

describe("describeCommit", () => {
  it("says what git describe says, for generated histories", async () => {
    let described = 0;
    for (let seed = 1; seed <= 8; seed++) described += await compare(seed);
    assert.ok(described > 100, `only ${described} had a description`);
  });

  it("reads the tagger's date with git's tolerance", () => {
    const oid = "1".repeat(40);
    const head = `object ${oid}\ntype commit\ntag v1\n`;
    const cases: [string, number][] = [
      ["tagger A <a@x> 1234 +0000\n\nm\n", 1234],
      ["tagger A <a@x>\t 77\n", 77],
      ["tagger A 1234 +0000\n\nm\n", 0],
      ["tagger A <a@x> 1234", 0],
      ["\ntagger A <a@x> 1234 +0000\n", 0],
    ];
    for (const [rest, time] of cases) {
      const facts = readTagFacts(fromBinary(head + rest), SHA1);
      assert.deepEqual(facts, { name: "v1", target: oid, time }, rest);
    }
  });
});

async function compare(seed: number): Promise<number> {
  const random = seeded(seed);
  const cwd = temporaryDirectory("describe");
  await git(["init", "-q", "--bare", "."], { cwd });
  const count = 40 + random.int(60);
  await git(["fast-import", "--quiet", "--export-marks=marks"], {
    cwd,
    input: history(random, count),
  });
  const source = await sourceOf(cwd);
  const commits = (await git(["rev-list", "--all"], { cwd })).trim()
    .split("\n");
  let described = 0;
  for (let i = 0; i < 30; i++) {
    const commit = random.pick(commits) as Oid;
    const options: DescribeOptions = {
      tags: random.int(2) === 0,
      abbrev: random.pick([undefined, undefined, 0, 4, 12, 40]),
      match: random.int(3) === 0 ? [random.pick(["v*", "v1*", "?[02]"])] : [],
      exclude: random.int(4) === 0 ? [random.pick(["v2*", "l*"])] : [],
    };
    const args = [options.tags ? "--tags" : "--no-tags"];
    if (options.abbrev !== undefined) args.push(`--abbrev=${options.abbrev}`);
    args.push(...options.match.map((glob) => `--match=${glob}`));
    args.push(...options.exclude.map((glob) => `--exclude=${glob}`));
    const real = await tryGit(["describe", ...args, commit], { cwd });
    const found = await describeCommit(commit, options, source);
    const context = `seed ${seed}: git describe ${args.join(" ")} ${commit}`;
    assert.equal(found, real.stdout.trimEnd(), context);
    if (found !== "") described++;
  }
  return described;
}

/** Commits with close dates, merges, and tags of both kinds. */
function history(random: Random, count: number): string {
  const lines: string[] = [];
  const depth = random.pick([3, 10, 30]);
  for (let mark = 1; mark <= count; mark++) {
    const time = 1_600_000_000 + 10 * mark + random.int(800) - 400;
    lines.push(
      `commit refs/heads/b${mark}\nmark :${mark}\n` +
        `committer C <c@x> ${time} +0000\ndata 2\nm\n`,
    );
    const parents = new Set<number>();
    const most = random.int(4) === 0 ? 3 : 1;
    for (let i = 0; i < most && mark > 1; i++) {
      parents.add(mark - 1 - random.int(Math.min(mark - 1, depth)));
    }
    for (const [index, parent] of [...parents].entries()) {
      lines.push(`${index === 0 ? "from" : "merge"} :${parent}\n`);
    }
    lines.push("\n");
  }
  const tags = random.pick([2, 8, 40]);
  for (let i = 0; i < tags; i++) {
    const mark = 1 + random.int(count);
    if (random.int(3) === 0) {
      lines.push(`reset refs/tags/l${i}\nfrom :${mark}\n\n`);
    } else {
      const time = 1_600_000_000 + random.int(10);
      lines.push(
        `tag v${i}\nfrom :${mark}\ntagger T <t@x> ${time} +0000\n` +
          "data 2\nt\n",
      );
    }
  }
  return lines.join("");
}

async function sourceOf(cwd: string): Promise<DescribeSource> {
  const format = "%(refname:strip=2) %(objectname) %(*objectname)";
  const refs = await git(["for-each-ref", `--format=${format}`, "refs/tags"], {
    cwd,
  });
  const tags = refs.trim().split("\n").map((line) => {
    const [name = "", oid = "", peeled = ""] = line.split(" ");
    return {
      name,
      oid: oid as Oid,
      peeled: (peeled === "" ? oid : peeled) as Oid,
    };
  });
  const annotated = tags.find(({ oid, peeled }) => oid !== peeled);
  if (annotated !== undefined) {
    // A tag that is known under another name.
    await git(["update-ref", "refs/tags/v00", annotated.oid], { cwd });
    tags.push({ ...annotated, name: "v00" });
    tags.sort((a, b) => a.name < b.name ? -1 : 1);
  }
  const facts = new Map<string, TagFacts>();
  for (const { oid, peeled } of tags) {
    if (oid === peeled || facts.has(oid)) continue;
    const data = fromBinary(await git(["cat-file", "tag", oid], { cwd }));
    facts.set(oid, readTagFacts(data, SHA1));
  }
  const log = await git(["log", "--all", "--format=%H %ct %P"], { cwd });
  const commits = new Map(
    log.trim().split("\n").map((line) => {
      const [oid = "", time, ...parents] = line.trim().split(" ");
      return [oid, { time: Number(time), parents: parents as Oid[] }];
    }),
  );
  return {
    tags: () => Promise.resolve(tags),
    tag: (oid) => Promise.resolve(facts.get(oid)),
    commit: (oid) => Promise.resolve(commits.get(oid)),
    async abbreviate(oid, fewest) {
      if (fewest === 0) return oid;
      const short = fewest === undefined ? "--short" : `--short=${fewest}`;
      return (await git(["rev-parse", short, oid], { cwd })).trim();
    },
  };
}
