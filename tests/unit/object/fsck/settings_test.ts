import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "../../../../src/core/bytes.ts";
import {
  type GitsrvError,
  messageOf,
  RefusedError,
  StorageError,
} from "../../../../src/core/errors.ts";
import { SHA1 } from "../../../../src/core/oid.ts";
import {
  type FsckConfig,
  fsckRules,
  fsckSettings,
} from "../../../../src/object/fsck/settings.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { gitSync, tryGit } from "../../../support/git.ts";
import { lines } from "../../../support/git_repository.ts";
import { describe, it } from "../../../support/test.ts";

function config(...pairs: [string, string][]): FsckConfig {
  return {
    boolean: (key) => {
      const value = pairs.findLast(([name]) => name === key)?.[1];
      return value === undefined ? undefined : value === "true";
    },
    entries: () => pairs,
  };
}

function failure(act: () => unknown): GitsrvError {
  try {
    act();
  } catch (error) {
    if (error instanceof RefusedError || error instanceof StorageError) {
      return error;
    }
    throw error;
  }
  assert.fail("nothing was thrown");
}

const NO_FILES = (): undefined => undefined;

describe("fsckSettings", () => {
  it("has receive.fsckObjects before transfer.fsckObjects", () => {
    const isEnabled = (...pairs: [string, string][]): boolean =>
      fsckSettings(config(...pairs)).isEnabled;
    const both = ["receive.fsckobjects", "transfer.fsckobjects"] as const;
    assert.ok(!isEnabled());
    assert.ok(isEnabled([both[1], "true"]));
    assert.ok(!isEnabled([both[0], "false"], [both[1], "true"]));
    assert.ok(isEnabled([both[0], "true"], [both[1], "false"]));
  });

  it("warns and refuses as receive-pack does", async () => {
    const path = join(temporaryDirectory("settings"), "repo.git");
    gitSync(["init", "-q", "--bare", path]);
    for (
      const [id, value] of [
        ["missingemail", "ignore"],
        ["missingemail", "warn"],
        ["missingemail", "info"],
        ["missingemail", ""],
        ["nosuchthing", "ignore"],
        ["nosuchthing", "nonsense"],
        ["nulinheader", "error"],
        ["extraheaderentry", "Error"],
      ] as const
    ) {
      const { stderr } = await tryGit([
        "-c",
        `receive.fsck.${id}=${value}`,
        "receive-pack",
        "--http-backend-info-refs",
        path,
      ]);
      let said: string[];
      try {
        const { warnings } = fsckSettings(
          config([`receive.fsck.${id}`, value]),
        );
        said = warnings.map((warning) => `warning: ${warning}`);
      } catch (error) {
        assert.equal((error as StorageError).code, "bad-config");
        said = [`fatal: ${messageOf(error)}`];
      }
      assert.deepEqual(said, lines(stderr), `${id}=${value}`);
    }
  });
});

describe("fsckRules", () => {
  it("have levels and the objects of all lists", () => {
    const [a, b, c] = ["a", "b", "c"].map((digit) => digit.repeat(40));
    const settings = fsckSettings(config(
      ["receive.fsck.missingemail", "error"],
      ["receive.fsck.missingemail", "ignore"],
      ["receive.fsck.skiplist", "one"],
      ["receive.fsck.hasdot", "warn"],
      ["receive.fsck.skiplist", "two"],
    ));
    const files: Readonly<Record<string, string>> = {
      one: `# people\n${a}\n\n  ${b?.toUpperCase()} # by mistake\r\n`,
      two: c as string,
    };
    const rules = fsckRules(
      settings,
      SHA1,
      (path) => fromBinary(files[path] as string),
    );
    assert.deepEqual([...rules.levels], [
      ["missingemail", "ignore"],
      ["hasdot", "warn"],
    ]);
    assert.deepEqual([...rules.skip], [a, b, c]);
  });

  it("are refused as index-pack refuses its options", async () => {
    const directory = temporaryDirectory("rules");
    const list = join(directory, "list");
    const empty = fromBinary("PACK\0\0\0\x02\0\0\0\0");
    for (
      const text of [
        "nothing\n",
        `${"a".repeat(41)}\n`,
        "\nabc#d\n",
        undefined,
        "nulinheader=warn",
        "unterminatedheader=ignore",
      ]
    ) {
      const isLevel = text?.includes("=") === true;
      const path = text === undefined ? join(directory, "absent") : list;
      if (text !== undefined && !isLevel) writeFileSync(list, text);
      const option = isLevel ? text : `skiplist=${path}`;
      const { stderr } = await tryGit(
        ["index-pack", `--strict=${option}`, "--stdin"],
        { cwd: directory, input: empty, env: { GIT_DIR: directory } },
      );
      const [id, level] = isLevel ? text.split("=") : [];
      const settings = fsckSettings(config(
        isLevel
          ? [`receive.fsck.${id}`, level as string]
          : ["receive.fsck.skiplist", path],
      ));
      const refused = failure(() =>
        fsckRules(
          settings,
          SHA1,
          () => text === undefined ? undefined : fromBinary(text),
        )
      );
      assert.equal(refused.code, "fsck-setup");
      assert.equal(`fatal: ${refused.message}`, lines(stderr)[0], option);
    }
    assert.equal(
      fsckRules(fsckSettings(config()), SHA1, NO_FILES).skip.size,
      0,
    );
  });
});
