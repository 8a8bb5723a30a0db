/**
 * What must hold after a push whose disk failed: what was said is true, refs
 * are old or new, nothing is left over, the real git finds no fault.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { emptyRepository } from "../fixture.ts";
import { removeDirectory, temporaryDirectory } from "../fixture_directory.ts";
import { fsck } from "../git_repository.ts";
import {
  backendOver,
  type FaultPush,
  type FaultServer,
  type FaultWorld,
  litterIn,
  pushTo,
  refsIn,
} from "./fault_world.ts";
import { type RawCommand, rawPush, ZERO } from "./raw_push.ts";

/** How strictly a failed command must have changed nothing. */
export type Strictness =
  /** What was refused is as it was. */
  | "refused-is-old"
  /** It is old or new: the disk kept it from being undone. */
  | "old-or-new";

/** Holds a report against the refs that are there; gives those. */
export async function checkTruth(
  world: FaultWorld,
  root: string,
  { report }: FaultPush,
  how: Strictness,
  where: string,
): Promise<ReadonlyMap<string, string>> {
  const refs = await refsIn(root);
  const isAtomic = world.mode.capabilities?.includes("atomic") === true;
  const isTold = report.some((line) => line.startsWith("unpack "));
  const states = new Set<boolean>();
  for (const { name, old, new: to } of world.commands) {
    const value = refs.get(name) ?? ZERO;
    const isNew = value === to;
    // As with git, atomic is what is left once all is known to be whole.
    if (!report.includes(`ng ${name} missing necessary objects`)) {
      states.add(isNew);
    }
    assert.ok(isNew || value === old, `${where}: ${name} is ${value}`);
    if (report.includes(`ok ${name}`)) {
      assert.ok(isNew, `${where}: ${name} is not ok`);
    } else if (isTold && how === "refused-is-old") {
      assert.ok(!isNew, `${where}: ${name} was refused and is there`);
    }
  }
  if (isAtomic && how === "refused-is-old") {
    assert.equal(states.size, 1, `${where}: neither all nor none`);
  }
  if (world.mode.isNew !== true) {
    assert.equal(refs.get("refs/heads/other"), world.tip, where);
  }
  return refs;
}

/** Pushes again, to the same server or another, and looks at everything. */
export async function checkNext(
  world: FaultWorld,
  root: string,
  server: FaultServer,
  before: ReadonlyMap<string, string>,
  where: string,
): Promise<void> {
  const { pushed, following, mode } = world;
  const name = mode.isShallow === true
    ? "refs/heads/made/new"
    : "refs/heads/main";
  const now = before.get(name) ?? ZERO;
  const isBehind = now !== pushed.new;
  const next = isBehind ? pushed : following;
  const command: RawCommand = { name, old: now, new: next.new };
  // What the first push has brought may be lacking.
  const bytes = isBehind && mode.isShallow === true
    ? world.bytes
    : rawPush([command], next.pack, "report-status quiet");
  const { report, isServed } = await pushTo(server, bytes);
  assert.deepEqual(report, ["unpack ok", `ok ${name}`], `${where}: next push`);
  assert.ok(isServed, where);
  const refs = await refsIn(root);
  assert.equal(refs.get(name), next.new, where);
  for (const [other, value] of before) {
    if (other !== name) assert.equal(refs.get(other), value, where);
  }
  assert.deepEqual(litterIn(root), [], `${where}: after the next push`);
}

/** Asks the real git, once for each state of a repository. */
export class Checker {
  readonly #known = new Set<string>();
  /** How often git was asked. */
  asked = 0;

  /** Fails unless `git fsck` is content. */
  async check(server: FaultServer, where: string): Promise<void> {
    const { path } = server;
    if (!existsSync(path)) return;
    const state = stateOf(path);
    if (this.#known.has(state)) return;
    const isReftable = existsSync(join(path, "reftable"));
    const checked = isReftable ? await shadowOf(path) : path;
    const { code, lines } = await fsck(checked);
    this.asked++;
    const faults = lines.filter((line) => !line.startsWith("dangling"));
    assert.deepEqual({ code, faults }, { code: 0, faults: [] }, where);
    if (isReftable) removeDirectory(checked);
    this.#known.add(state);
  }
}

/** A repository with the same objects whose refs any git reads. */
async function shadowOf(path: string): Promise<string> {
  const shadow = emptyRepository(
    join(temporaryDirectory("shadow"), "s.git"),
    "sha1",
  );
  cpSync(join(path, "objects"), join(shadow, "objects"), { recursive: true });
  const shallow = join(path, "shallow");
  if (existsSync(shallow)) cpSync(shallow, join(shadow, "shallow"));
  const refs = [...await refsIn(join(path, ".."))].sort();
  writeFileSync(
    join(shadow, "packed-refs"),
    "# pack-refs with: sorted \n" +
      refs.map(([name, oid]) => `${oid} ${name}\n`).join(""),
  );
  return shadow;
}

/** All files and what is in them, but for times. */
function stateOf(path: string): string {
  const hash = createHash("sha1");
  const queue = [path];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const entries = readdirSync(next, { withFileTypes: true })
      .sort((a, b) => a.name < b.name ? -1 : 1);
    for (const entry of entries) {
      const file = join(next, entry.name);
      const shown = entry.name.endsWith(".ref") ? "table" : file;
      hash.update(`${shown.slice(path.length)}\0`);
      if (entry.isDirectory()) queue.push(file);
      else if (entry.name === "tables.list") continue;
      else hash.update(withoutTimes(file));
    }
  }
  return hash.digest("hex");
}

function withoutTimes(file: string): string {
  return readFileSync(file, "latin1").replaceAll(/> \d{10} /g, "> T ");
}

/** The next push to a server that was started after the last one died. */
export function survivor(root: string): FaultServer {
  return backendOver(root, {}, "living");
}
