import assert from "node:assert/strict";
import type { Oid } from "../../../src/core/oid.ts";
import { BLOB } from "../../../src/object/kind.ts";
import { wantPolicy } from "../../../src/service/upload_pack/our_refs.ts";
import { describe, it } from "../../support/test.ts";
import { FakeRepository } from "./fake_repository.ts";
import { pkts, talk, unpkt } from "./talk.ts";

const TIP = "uploadpack.allowtipsha1inwant";
const REACHABLE = "uploadpack.allowreachablesha1inwant";
const ANY = "uploadpack.allowanysha1inwant";
const HIDE = "transfer.hiderefs";

type Setting = readonly [key: string, value: string];

/**
 * main: one - two; refs/secret/x: one - side - secret; gone is reached from
 * nowhere. Tags: v1 of two, refs/tags/secret/v1 of one.
 */
function history(settings: readonly Setting[] = []) {
  const repository = new FakeRepository();
  let time = 0;
  const commit = (...parents: Oid[]): Oid => {
    const blob = repository.put(BLOB, `${++time}\n`);
    return repository.commit(repository.tree({ blob }), parents, time);
  };
  const one = commit();
  const two = commit(one);
  const side = commit(one);
  const secret = commit(side);
  const gone = commit();
  const lone = repository.put(BLOB, "lone\n");
  const tagOfOne = repository.tag(one, "secret");
  const tagOfGone = repository.tag(gone, "gone");
  repository.ref("HEAD", "ref: refs/heads/main");
  repository.ref("refs/heads/main", two);
  repository.ref("refs/secret/x", secret);
  repository.ref("refs/tags/secret/v1", tagOfOne);
  repository.ref("refs/tags/v1", repository.tag(two, "v1"));
  for (const [key, value] of settings) repository.set(key, value);
  const oids = { one, two, side, secret, gone, lone, tagOfOne, tagOfGone };
  return { repository, oids };
}

type Named = keyof ReturnType<typeof history>["oids"];

/** Whether each of `names` may be wanted in v0, alone. */
async function allowed(
  settings: readonly Setting[],
  names: readonly Named[],
): Promise<Named[]> {
  const { repository, oids } = history(settings);
  const found: Named[] = [];
  for (const name of names) {
    const oid = oids[name];
    const { said, error } = await talk(
      repository,
      pkts(`want ${oid} side-band-64k no-progress\n`, "0000", "done\n"),
    );
    if (error === undefined) found.push(name);
    else assert.ok(said.endsWith(`ERR upload-pack: not our ref ${oid}`), said);
    assert.equal(repository.openSnapshots, 0);
  }
  return found;
}

const ALL: readonly Named[] = [
  "one",
  "two",
  "side",
  "secret",
  "gone",
  "lone",
  "tagOfOne",
  "tagOfGone",
];
const HIDDEN: readonly Setting[] = [
  [HIDE, "refs/secret"],
  [HIDE, "refs/tags/secret"],
];

describe("the policy for wants", () => {
  const cases: readonly (readonly [Setting[], string])[] = [
    [[], "none"],
    [[[TIP, "true"]], "tip"],
    [[[REACHABLE, "true"]], "reachable"],
    [[[ANY, "true"]], "tip reachable any"],
    [[[ANY, "false"]], "none"],
    [[[TIP, "true"], [TIP, "false"]], "none"],
    [[[TIP, "true"], [ANY, "false"]], "none"],
    [[[ANY, "false"], [TIP, "true"]], "tip"],
    // upload-pack.c: ALLOW_ANY_SHA1 is three bits, of which one is gone.
    [[[ANY, "true"], [TIP, "false"]], "reachable"],
    [[[TIP, "false"], [ANY, "true"]], "tip reachable any"],
    [[[TIP, "false"], [ANY, "true"], [TIP, "false"]], "reachable"],
  ];
  for (const [settings, expected] of cases) {
    it(`of ${settings.join(" ") || "no setting"} is ${expected}`, () => {
      const { repository } = history(settings);
      const policy = wantPolicy(repository.config);
      const parts = (["tip", "reachable", "any"] as const)
        .filter((part) => policy[part]);
      assert.equal(parts.join(" ") || "none", expected);
    });
  }
});

describe("a want in v0", () => {
  it("is of what is advertised", async () => {
    assert.deepEqual(await allowed([], ALL), ["two", "secret", "tagOfOne"]);
  });

  it("is of nothing that is hidden", async () => {
    assert.deepEqual(await allowed(HIDDEN, ALL), ["two"]);
  });

  it("is of what HEAD resolves to where its branch is hidden", async () => {
    assert.deepEqual(
      await allowed([[HIDE, "refs"]], ALL),
      ["two"],
    );
    assert.deepEqual(await allowed([[HIDE, "refs"], [HIDE, "HEAD"]], ALL), []);
  });

  it("is of hidden tips where tips are allowed", async () => {
    assert.deepEqual(
      await allowed([...HIDDEN, [TIP, "true"]], ALL),
      ["two", "secret", "tagOfOne"],
    );
  });

  it("is of what any ref reaches where that is allowed", async () => {
    // git looks at commits alone: a blob passes wherever it is.
    assert.deepEqual(
      await allowed([...HIDDEN, [REACHABLE, "true"]], ALL),
      ["one", "two", "side", "secret", "lone", "tagOfOne"],
    );
  });

  it("is of any object where that is allowed", async () => {
    assert.deepEqual(await allowed([...HIDDEN, [ANY, "true"]], ALL), ALL);
  });

  it("ends at the boundary of a repository that is shallow", async () => {
    const { repository, oids } = history([[REACHABLE, "true"]]);
    repository.shallow.push(oids.two);
    repository.refs.delete("refs/secret/x");
    repository.refs.delete("refs/tags/secret/v1");
    const { said } = await talk(repository, pkts(`want ${oids.one}\n`, "0000"));
    assert.ok(said.endsWith(`ERR upload-pack: not our ref ${oids.one}`), said);
  });

  it("is refused by the first that is no tip, as git does", async () => {
    const { repository, oids } = history([[REACHABLE, "true"]]);
    const wants = [oids.two, oids.one, oids.gone]
      .map((oid) => `want ${oid}\n`);
    const { said } = await talk(repository, pkts(...wants, "0000"));
    assert.ok(said.endsWith(`ERR upload-pack: not our ref ${oids.one}`), said);
  });
});

describe("a want in v2", () => {
  it("is of any object, hidden or not", async () => {
    const { repository, oids } = history(HIDDEN);
    for (const name of ALL) {
      const { error } = await talk(
        repository,
        pkts("command=fetch", "0001", `want ${oids[name]}`, "done", "0000"),
        { protocol: 2 },
      );
      assert.equal(error, undefined, name);
    }
  });
});

describe("hidden refs", () => {
  const names = (lines: readonly string[]): string[] =>
    lines.filter((line) => line.includes(" "))
      .map((line) => /^\S+ ([^\0\n ]+)/.exec(line)?.[1] ?? line);

  it("are in no advertisement", async () => {
    const { repository } = history(HIDDEN);
    const shown = ["HEAD", "refs/heads/main", "refs/tags/v1"];
    for (const protocol of [0, 1] as const) {
      const { said } = await talk(repository, "0000", { protocol });
      const lines = unpkt(said).filter((line) => !line.startsWith("version"));
      assert.deepEqual(names(lines), [...shown, "refs/tags/v1^{}"]);
    }
    const list = pkts("command=ls-refs", "0001", "0000");
    const { said } = await talk(repository, `${list}0000`, { protocol: 2 });
    const lines = unpkt(said);
    assert.deepEqual(names(lines.slice(lines.indexOf("0000"))), shown);
  });

  it("leave the capabilities where all are hidden", async () => {
    const { repository } = history([
      [HIDE, "refs"],
      [HIDE, "HEAD"],
      [TIP, "true"],
    ]);
    const { said } = await talk(repository, "0000");
    assert.match(
      said,
      // deno-lint-ignore no-control-regex
      /^[0-9a-f]{4}0{40} capabilities\^\{\}\x00.* multi_ack_detailed allow-tip-sha1-in-want symref=HEAD:refs\/heads\/main object-format=.*\n0000$/,
    );
  });

  it("let others be served while very many are passed over", async () => {
    const { repository, oids } = history(HIDDEN);
    for (let n = 0; n < 5000; n++) {
      repository.ref(`refs/secret/${n}`, oids.secret);
    }
    let turns = 0;
    let now = 0;
    const clock = {
      now: () => now,
      monotonic: () => now += 20,
      turn: () => {
        turns++;
        return Promise.resolve();
      },
    };
    const list = pkts("command=ls-refs", "0001", "0000");
    await talk(repository, `${list}0000`, { protocol: 2, clock });
    // A listing looks at the clock once in 256 refs.
    assert.ok(turns >= Math.floor(5000 / 256), `${turns} turns`);
  });

  it("are not among the tags that include-tag adds", async () => {
    for (const [settings, objects] of [[[], 8], [HIDDEN, 7]] as const) {
      const { repository, oids } = history(settings);
      const { said } = await talk(
        repository,
        pkts(
          `want ${oids.two} include-tag side-band-64k no-progress\n`,
          "0000",
          "done\n",
        ),
      );
      const count = said.indexOf("PACK") + 11;
      assert.equal(said.charCodeAt(count), objects);
    }
  });

  it("can be named by deepen-not, as git lets them", async () => {
    const { repository, oids } = history([[HIDE, "refs/secret"]]);
    const { said, error } = await talk(
      repository,
      pkts(
        `want ${oids.two} side-band-64k no-progress\n`,
        "deepen-not refs/secret/x\n",
        "0000",
        "done\n",
      ),
    );
    assert.equal(error, undefined);
    assert.ok(unpkt(said).includes(`shallow ${oids.two}`));
  });

  it("do not lead a relative depth unless their tips are allowed", async () => {
    const request = (shallow: Oid, want: Oid): string =>
      pkts(
        `want ${want} deepen-relative side-band-64k no-progress\n`,
        `shallow ${shallow}\n`,
        "deepen 1\n",
        "0000",
        "done\n",
      );
    for (
      const [settings, isTold] of [
        [HIDDEN, false],
        [[...HIDDEN, [TIP, "true"]] as const, true],
      ] as const
    ) {
      const { repository, oids } = history(settings);
      const { said } = await talk(repository, request(oids.side, oids.two));
      assert.equal(unpkt(said).includes(`unshallow ${oids.side}`), isTold);
    }
  });
});
