/**
 * `gitsrv export` whose writer is killed, at every call of the disk and at
 * moments that a seed says: the published folder is the old one or the new one
 * at each, never between, and the next run makes it what it should be. Two
 * writers keep each other out.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { exportRepositories } from "../../mod.ts";
import { type ExportOptions, exportThrough } from "../../src/compose/export.ts";
import { lockFolder } from "../../src/storage/files/published_folder.ts";
import { systemOwners } from "../../src/runtime/owner.ts";
import { NODE_WRITE_FILES } from "../../src/runtime/write_files.ts";
import {
  commitTo,
  contentsOf,
  exportSource,
  refsOf,
} from "../support/exported.ts";
import { FailingFiles, UNSYNCED_FILES } from "../support/failing_writes.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { gitSync, runProgram, tryGit } from "../support/git.ts";
import { seeded } from "../support/random.ts";
import { DEAD, ownersFor } from "../support/ref_worlds.ts";
import { ourCommand, serverEnvironment } from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";

const KILLS = 6;
const root = temporaryDirectory("export-kill");

after(() => rmSync(root, { recursive: true, force: true }));

/**
 * Calls at which it is killed. Nothing leads to a file while it is written:
 * that it is begun, and that it is pressed to the disk, are moments enough.
 */
function isMoment(call: string): boolean {
  return !["stat", "lstat", "read", "list", "write", "close"].includes(call);
}

/** All that leads a reader, as one text. */
function seenIn(folder: string): string {
  return [
    "info/refs",
    "HEAD",
    "objects/info/packs",
    "bundle-list",
    "index.html",
  ]
    .map((name) => join(folder, name))
    .map((path) => existsSync(path) ? readFileSync(path, "latin1") : "none")
    .join("\n--\n");
}

/** All that the refs and HEAD reach is in the packs that are listed. */
async function checkListed(folder: string, what: string): Promise<void> {
  const copy = join(temporaryDirectory("export-listed"), "r.git");
  gitSync(["init", "-q", "--bare", copy]);
  const list = readFileSync(join(folder, "objects/info/packs"), "latin1");
  for (const [, name] of list.matchAll(/^P (.*)\.pack$/gm)) {
    for (const end of [".pack", ".idx"]) {
      const file = `objects/pack/${name}${end}`;
      cpSync(join(folder, file), join(copy, file));
    }
  }
  const lines = refsOf(folder).trim().split("\n")
    .filter((line) => !line.endsWith("^{}"));
  const refs = lines.map((line) => line.replace("\t", " ")).join("\n");
  writeFileSync(join(copy, "packed-refs"), `${refs}\n`, "latin1");
  const head = readFileSync(join(folder, "HEAD"), "latin1");
  writeFileSync(join(copy, "HEAD"), head, "latin1");
  for (const args of [["fsck", "--strict"], ["rev-parse", "HEAD^{tree}"]]) {
    const { code, stderr } = await tryGit(args, { cwd: copy });
    assert.equal(code, 0, `${what}: ${stderr}`);
  }
}

interface Turn {
  readonly title: string;
  readonly options?: Partial<ExportOptions>;
  /** Makes the state that is published first. */
  begin(path: string): void;
  /** Makes the one that is published next. */
  change(path: string): void;
  readonly least: number;
}

const run = (cwd: string, ...args: string[]) => gitSync(args, { cwd });

const TURNS: readonly Turn[] = [
  {
    title: "the default branch has another name, and packs are gathered",
    options: { maxPacks: 1, bundle: "all", url: "https://example.com/r" },
    begin: () => {},
    change(path) {
      commitTo(path, "refs/heads/main", 1);
      run(path, "update-ref", "-d", "refs/heads/b\xe4r");
      run(path, "branch", "-m", "main", "new");
      writeFileSync(join(path, "description"), "Another\n");
    },
    least: 60,
  },
  {
    title: "HEAD comes to be a commit of its own, and its branch goes",
    begin: () => {},
    change(path) {
      run(path, "update-ref", "--no-deref", "HEAD", "refs/heads/main~1");
      run(path, "update-ref", "-d", "refs/heads/main");
    },
    least: 30,
  },
  {
    title: "HEAD was a commit of its own, which nothing else names",
    begin(path) {
      commitTo(path, "refs/heads/gone", 1);
      run(path, "update-ref", "--no-deref", "HEAD", "refs/heads/gone");
      run(path, "update-ref", "-d", "refs/heads/gone");
    },
    change(path) {
      run(path, "symbolic-ref", "HEAD", "refs/heads/main");
      run(path, "update-ref", "refs/heads/main", "refs/heads/main~1");
    },
    least: 30,
  },
];

describe("export, killed", () => {
  for (
    const [number, { title, options, begin, change, least }] of TURNS.entries()
  ) {
    it(`leaves the old folder or the new one: ${title}`, async () => {
      const path = exportSource(join(root, `source-${number}.git`));
      begin(path);
      const at = (name: string) => join(root, `${number}-${name}`);
      const settings = {
        keepOldMs: 0,
        ...options,
        directories: [path],
      };
      const host = { files: UNSYNCED_FILES, owners: ownersFor() };
      await exportThrough(host, { ...settings, out: at("start") });
      const old = seenIn(at("start"));
      await checkListed(at("start"), "before");
      change(path);
      cpSync(at("start"), at("end"), { recursive: true });
      await exportThrough(host, { ...settings, out: at("end") });
      const expected = contentsOf(at("end"));
      const now = seenIn(at("end"));
      await checkListed(at("end"), "after");
      const states = new Set<string>();
      let moments = 0;
      for (let moment = 1;; moment++) {
        const what = `${title}: moment ${moment}`;
        const out = at(`${moment}`);
        cpSync(at("start"), out, { recursive: true });
        const failing = new FailingFiles(UNSYNCED_FILES, {
          at: moment,
          with: "killed",
          counts: isMoment,
        });
        const dying = { files: failing.files, owners: ownersFor(DEAD) };
        await exportThrough(dying, { ...settings, out }).catch(() => {});
        const state = seenIn(out);
        assert.ok([old, now].includes(state), `${what}\n${state}`);
        if (!states.has(state)) await checkListed(out, what);
        states.add(state);
        const packs = readFileSync(join(out, "objects/info/packs"), "latin1");
        for (const [, name] of packs.matchAll(/^P (.*)\.pack$/gm)) {
          for (const end of [".pack", ".idx"]) {
            assert.ok(
              existsSync(join(out, `objects/pack/${name}${end}`)),
              what,
            );
          }
        }
        // The next run makes it what it should be, and leaves nothing behind:
        // where the step has begun, and at some of the other moments.
        if (moment % 8 === number || existsSync(join(out, ".new-state"))) {
          await exportThrough(host, { ...settings, out });
          assert.deepEqual(contentsOf(out), expected, what);
        }
        rmSync(out, { recursive: true });
        if (failing.failed === undefined) break;
        moments++;
      }
      assert.ok(moments >= least, `${moments} moments`);
      assert.equal(states.size, 2);
    });
  }

  it("has nothing to clone before a new folder is whole", async () => {
    const path = exportSource(join(root, "fresh.git"));
    const settings = { directories: [path], keepOldMs: 0 };
    const host = { files: UNSYNCED_FILES, owners: ownersFor() };
    await exportThrough(host, { ...settings, out: join(root, "fresh") });
    const expected = contentsOf(join(root, "fresh"));
    const now = seenIn(join(root, "fresh"));
    for (let moment = 1;; moment++) {
      const out = join(root, `fresh-${moment}`);
      const failing = new FailingFiles(UNSYNCED_FILES, {
        at: moment,
        with: "killed",
        counts: isMoment,
      });
      const dying = { files: failing.files, owners: ownersFor(DEAD) };
      await exportThrough(dying, { ...settings, out }).catch(() => {});
      if (existsSync(join(out, "info/refs"))) assert.equal(seenIn(out), now);
      if (moment % 4 === 0) {
        await exportThrough(host, { ...settings, out });
        assert.deepEqual(contentsOf(out), expected, `moment ${moment}`);
      }
      rmSync(out, { recursive: true, force: true });
      if (failing.failed === undefined) break;
    }
  });

  it("lives through kill -9", async () => {
    const path = exportSource(join(root, "shot.git"));
    const out = join(root, "shot");
    const random = seeded(7);
    const { program, args } = ourCommand();
    const branches = ["main", "trunk"];
    const states = new Set<string>();
    await exportRepositories({ directories: [path], out });
    for (let round = 0; round < KILLS; round++) {
      const what = `seed 7, round ${round}`;
      const old = seenIn(out);
      const [from = "", to = ""] = round % 2 === 0
        ? branches
        : branches.toReversed();
      commitTo(path, `refs/heads/${from}`, 1);
      run(path, "branch", "-m", from, to);
      const fresh = join(root, `shot-${round}`);
      cpSync(out, fresh, { recursive: true });
      await exportRepositories({ directories: [path], out: fresh });
      const now = seenIn(fresh);
      const child = spawn(program, [...args, "export", path, "--out", out], {
        stdio: ["ignore", "pipe", "ignore"],
        env: serverEnvironment(),
      });
      const ended = new Promise((resolve) => child.on("close", resolve));
      const ready = new Promise((resolve) => {
        const look = setInterval(() => {
          if (!existsSync(join(out, "export.lock"))) return;
          clearInterval(look);
          resolve(undefined);
        }, 1);
        child.on("close", () => {
          clearInterval(look);
          resolve(undefined);
        });
      });
      await ready;
      const timer = setTimeout(() => child.kill("SIGKILL"), random.int(60));
      await ended;
      clearTimeout(timer);
      const state = seenIn(out);
      assert.ok([old, now].includes(state), `${what}\n${state}`);
      states.add(state === old ? "old" : "new");
      await checkListed(out, what);
      await exportRepositories({ directories: [path], out });
      assert.equal(seenIn(out), now, what);
      assert.deepEqual(
        readdirSync(out).sort(),
        ["HEAD", "index.html", "info", "objects"],
      );
    }
  });
});

describe("export, twice at once", () => {
  it("says so, and ends with 128", async () => {
    const path = exportSource(join(root, "twice.git"));
    const out = join(root, "twice");
    await exportRepositories({ directories: [path], out });
    commitTo(path, "refs/heads/main", 1);
    const before = contentsOf(out);
    const { program, args } = ourCommand();
    const second = () =>
      runProgram(program, [...args, "export", path, "--out", out], {
        env: serverEnvironment(),
      });
    {
      using _lock = lockFolder(NODE_WRITE_FILES, out, systemOwners());
      const { code, stderr } = await second();
      assert.equal(
        stderr,
        `fatal: another export writes to '${out}' now: if none does, remove ` +
          `'${out}/export.lock'\n`,
      );
      assert.equal(code, 128);
      await assert.rejects(exportRepositories({ directories: [path], out }), {
        code: "busy",
      });
    }
    assert.deepEqual(contentsOf(out), before);
    assert.equal((await second()).code, 0);
    // What a stranger left is nobody's proof.
    writeFileSync(join(out, "export.lock"), "");
    assert.equal((await second()).code, 128);
  });
});
