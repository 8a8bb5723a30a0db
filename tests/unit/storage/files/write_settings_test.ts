/**
 * What configuration says about files that are written: how far they are
 * pressed to the disk, and who may read them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { NODE_WRITE_FILES } from "../../../../src/runtime/write_files.ts";
import { configView } from "../../../../src/storage/files/config.ts";
import { fsyncPlan, refSync } from "../../../../src/storage/files/fsync.ts";
import {
  sharedModes,
  shareFile,
} from "../../../../src/storage/files/shared_modes.ts";
import type { ConfigView } from "../../../../src/storage/types.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { git, tryGit } from "../../../support/git.ts";
import { describe, it } from "../../../support/test.ts";

function config(values: Readonly<Record<string, string>>): ConfigView {
  return configView(
    Object.entries(values).map(([key, value]) => [key, value] as const),
  );
}

function pressed(values: Readonly<Record<string, string>>): string {
  const { mode, ...parts } = fsyncPlan(config(values));
  const names = Object.entries(parts).filter(([, is]) => is);
  return [mode, ...names.map(([name]) => name)].join(" ");
}

describe("gitsrv.fsync", () => {
  it("presses everything unless told, and nothing when off", () => {
    const all = "full pack packMetadata looseObject reference rest";
    assert.equal(pressed({}), all);
    assert.equal(
      pressed({ "gitsrv.fsync": "full", "core.fsync": "none" }),
      all,
    );
    assert.equal(
      pressed({ "gitsrv.fsync": "off", "core.fsync": "all" }),
      "off",
    );
    assert.throws(
      () => fsyncPlan(config({ "gitsrv.fsync": "fulll" })),
      { code: "bad-config" },
    );
  });

  it("follows core.fsync as git reads it where it is git", () => {
    const cases: readonly (readonly [string | undefined, string])[] = [
      [undefined, "pack packMetadata"],
      ["none", ""],
      ["all", "pack packMetadata looseObject reference"],
      // What is named counts more than what is taken away.
      [
        "committed,-loose-object",
        "pack packMetadata looseObject reference",
      ],
      ["loose-object", "pack packMetadata looseObject"],
      ["-pack", ""],
      ["-pack-metadata", "pack"],
      ["reference, none", "reference"],
      ["none,reference", "pack packMetadata reference"],
      ["unknown,ref", "pack packMetadata reference"],
    ];
    for (const [value, parts] of cases) {
      const values = value === undefined ? {} : { "core.fsync": value };
      assert.equal(
        pressed({ "gitsrv.fsync": "git", ...values }),
        `git ${parts}`.trim(),
        value,
      );
    }
    assert.equal(
      pressed({ "gitsrv.fsync": "git", "core.fsyncobjectfiles": "true" }),
      "git pack packMetadata looseObject",
    );
  });

  it("means for refs what it means for the rest", () => {
    const both = { content: true, names: true };
    const neither = { content: false, names: false };
    const all = config({ "core.fsync": "all" });
    assert.deepEqual(refSync("full", config({})), both);
    assert.deepEqual(refSync("off", all), neither);
    assert.deepEqual(refSync("git", config({})), neither);
    assert.deepEqual(refSync("git", all), { content: true, names: false });
    // An abbreviation is a component as well, and one may be taken away.
    const cases = [["ref", true], ["committed,-reference", true], [
      "-all",
      false,
    ]];
    for (const [value, content] of cases) {
      const asked = config({ "core.fsync": value as string });
      assert.equal(refSync("git", asked).content, content, value as string);
    }
  });
});

describe("core.sharedRepository", () => {
  it("gives files and directories the modes that git gives them", async () => {
    const root = temporaryDirectory("shared");
    const values = [
      ...["umask", "group", "all", "world", "everybody", "true", "false", "0"],
      ...["1", "2", "0600", "0640", "0660", "0664", "0666", "0777"],
    ];
    for (const [i, value] of values.entries()) {
      const theirs = join(root, `${i}.git`);
      await git(["init", "-q", "--bare", theirs]);
      await git(["config", "core.sharedRepository", value], { cwd: theirs });
      const oid = await git(["hash-object", "-w", "--stdin"], {
        cwd: theirs,
        input: value,
      });
      const name = join("objects", oid.slice(0, 2), oid.trim().slice(2));
      const ours = join(root, String(i), name);
      mkdirSync(dirname(ours), { recursive: true });
      chmodSync(dirname(ours), statSync(join(root, "0.git/objects/pack")).mode);
      writeFileSync(ours, "", { mode: 0o444 });
      const shared = sharedModes(config({ "core.sharedrepository": value }));
      shareFile(NODE_WRITE_FILES, dirname(ours), shared);
      shareFile(NODE_WRITE_FILES, ours, shared);
      for (const path of [name, dirname(name)]) {
        assert.equal(
          statSync(join(root, String(i), path)).mode.toString(8),
          statSync(join(theirs, path)).mode.toString(8),
          `${value} ${path}`,
        );
      }
    }
  });

  it("refuses what git refuses", async () => {
    const root = temporaryDirectory("shared-bad");
    for (const value of ["0400", "0066", "everyone"]) {
      const { code } = await tryGit(
        ["-c", `core.sharedRepository=${value}`, "init", "-q", root],
      );
      assert.equal(code, 128, value);
      assert.throws(
        () => sharedModes(config({ "core.sharedrepository": value })),
        { code: "bad-config" },
        value,
      );
    }
  });
});
