/**
 * Places that are remembered: what is found by memory is what a search finds,
 * whatever was changed in between.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { GitsrvError } from "../../../../src/core/errors.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import {
  type ExposureRules,
  findExposed,
} from "../../../../src/storage/files/exposure.ts";
import { KnownPlaces } from "../../../../src/storage/files/known_places.ts";
import { oneLook } from "../../../../src/storage/files/one_look.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { gitSync } from "../../../support/git.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { before, describe, it } from "../../../support/test.ts";
import { countingFiles } from "./support.ts";

const HOUR_MS = 3_600_000;
const root = NODE_FILES.realPath(temporaryDirectory("places")) as string;
const base = join(root, "base");
const whole = join(root, "whole.git");
const subject = join(base, "group", "r.git");

/** A clock by which everything has rested for long. */
const later = () => Date.now() + HOUR_MS;

function placesFor(exposure: ExposureRules, now = later): KnownPlaces {
  return new KnownPlaces({ exposure, now, maxPlaces: 4 });
}

function outcome(find: () => unknown): string {
  try {
    return JSON.stringify(find());
  } catch (error) {
    if (error instanceof GitsrvError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

/** Waits until the file system's clock has moved on. */
function tick(): void {
  const probe = join(root, "probe");
  const now = (): number => {
    writeFileSync(probe, "x");
    return NODE_FILES.stat(probe)?.mtimeMs ?? 0;
  };
  const start = now();
  while (now() <= start);
}

function restore(): void {
  rmSync(base, { recursive: true, force: true });
  mkdirSync(join(base, "group"), { recursive: true });
  cpSync(whole, subject, { recursive: true });
}

const PARTS = ["HEAD", "objects", "objects/pack", "refs", "config", "info"];

/** One change of many that make a repository another, or none. */
function change(random: Random): string {
  const part = random.pick(PARTS);
  const path = join(subject, part);
  const outside = join(whole, part);
  const changes: Readonly<Record<string, () => void>> = {
    restore,
    "nothing at all": () => {},
    [`remove ${part}`]: () => rmSync(path, { recursive: true }),
    [`let ${part} be a link out`]: () => {
      rmSync(path, { recursive: true });
      symlinkSync(outside, path);
    },
    [`let ${part} be a link within`]: () => {
      const moved = join(subject, `moved-${part.replace("/", "-")}`);
      rmSync(moved, { recursive: true, force: true });
      renameSync(path, moved);
      symlinkSync(moved, path);
    },
    "write another HEAD in place": () =>
      writeFileSync(join(subject, "HEAD"), random.pick(["x\n", "ref: refs/x"])),
    "add a repository inside": () =>
      cpSync(whole, join(subject, ".git"), { recursive: true }),
    "add a common directory": () =>
      writeFileSync(join(subject, "commondir"), `${whole}\n`),
    "let the group be a link out": () => {
      const group = join(base, "group");
      rmSync(join(root, "away"), { recursive: true, force: true });
      renameSync(group, join(root, "away"));
      symlinkSync(join(root, "away"), group);
    },
    "say that it may be exported": () =>
      writeFileSync(join(subject, "git-daemon-export-ok"), ""),
    "say no longer that it may": () =>
      rmSync(join(subject, "git-daemon-export-ok")),
  };
  const name = random.pick(Object.keys(changes));
  try {
    changes[name]?.();
  } catch {
    // What would be changed is not there any more.
    return `${name} (not possible)`;
  }
  return name;
}

before(() => {
  gitSync(["init", "-q", "--bare", whole]);
  restore();
});

describe("KnownPlaces", () => {
  const rules: Readonly<Record<string, ExposureRules>> = {
    friendly: { rules: "friendly", root: base },
    git: { rules: "git", basePath: base, directories: [base], exportAll: true },
    "exported alone": { rules: "git", basePath: base },
    "without a base": { rules: "git", directories: [base] },
    relaxed: {
      rules: "git",
      basePath: base,
      basePathRelaxed: true,
      exportAll: true,
    },
  };

  it("find what a search finds after every random change", () => {
    const seed = 4711;
    const random = seeded(seed);
    const all = Object.entries(rules).map(([name, exposure]) => ({
      name,
      exposure,
      places: placesFor(exposure),
    }));
    let found = 0;
    for (let step = 0; step < 250; step++) {
      const gone = !existsSync(join(subject, "HEAD"));
      if (gone || random.int(4) === 0) restore();
      const label = `seed ${seed}, step ${step}: ${change(random)}`;
      tick();
      for (const { name, exposure, places } of all) {
        const path = exposure.rules === "git" && !exposure.basePath
          ? subject
          : random.pick(["/group/r.git", "/group/r", "/group/r.git/"]);
        const want = outcome(() => findExposed(NODE_FILES, path, exposure));
        const files = oneLook(NODE_FILES);
        assert.equal(
          outcome(() => places.find(files, path)),
          want,
          `${label}, ${name}, ${path}`,
        );
        if (want.startsWith("{")) found++;
      }
    }
    assert.ok(found > 300, `${found} found`);
  });

  it("take fewer looks where nothing has changed", () => {
    restore();
    tick();
    const counting = countingFiles();
    const places = placesFor(rules.friendly as ExposureRules);
    const looks = (): number => {
      counting.forget();
      places.find(oneLook(counting.files), "/group/r.git");
      return [...counting.counts.values()].reduce((sum, n) => sum + n, 0);
    };
    assert.ok(looks() > 20);
    assert.equal(looks(), 5);
  });

  it("are not sure of what has changed just now", () => {
    restore();
    const places = placesFor(rules.friendly as ExposureRules, Date.now);
    const counting = countingFiles();
    for (let i = 0; i < 2; i++) {
      counting.forget();
      places.find(oneLook(counting.files), "/group/r.git");
      assert.ok((counting.counts.get("realPath") ?? 0) > 5);
    }
  });
});
