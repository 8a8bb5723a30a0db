/**
 * The same push to `git receive-pack` and to the hooks under test: two copies
 * of one repository whose hooks write down what they were given. Not a push
 * as a whole: objects and refs are no matter here.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync } from "node:fs";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { toBinary } from "../../src/core/bytes.ts";
import type { Oid } from "../../src/core/oid.ts";
import type { RefName } from "../../src/core/ref_name.ts";
import type {
  HookOutput,
  PushedRef,
  PushHooks,
} from "../../src/service/receive_pack/push_hooks.ts";
import { temporaryDirectory } from "./fixture_directory.ts";
import { GIT, gitSync, runProgram } from "./git.ts";
import type { Random } from "./random.ts";
import { rawPack } from "./pushes/raw_pack.ts";
import { packets, parsePackets } from "./wire_client.ts";

const ZERO = "0".repeat(40);
const NAMES = ["pre-receive", "update", "reference-transaction"] as const;
const LATER = ["post-receive", "post-update"] as const;

/** One push, and the repository that it goes to. */
export interface HookCase {
  /** The directory that holds "git" and "ours". */
  readonly root: string;
  /** The directory of the repository in each of these: "r" or "r/.git". */
  readonly gitDir: string;
  /** The session's namespace: "a/b", or "". */
  readonly namespace: string;
  /** Its commands. */
  readonly refs: readonly PushedRef[];
  /** Push options; absent where they were not negotiated. */
  readonly options?: readonly string[];
}

/** What a push came to. */
export interface HookRun {
  /** What hooks wrote down, the same wherever they ran. */
  readonly dump: string;
  /** What they said on band 2. */
  readonly said: string;
  /** What is told beside it, as lines. */
  readonly remarks: string[];
}

/** Makes both copies, with what `random` says. */
export function hookCase(random: Random): HookCase {
  const root = temporaryDirectory("hooks");
  const isBare = random.int(2) === 0;
  const template = join(root, "git", "r");
  mkdirSync(dirname(template), { recursive: true });
  gitSync([
    "init",
    "-q",
    "--template=",
    ...(isBare ? ["--bare"] : []),
    template,
  ]);
  const gitDir = isBare ? "r" : "r/.git";
  const at = join(root, "git", gitDir);
  const tree = gitSync(["hash-object", "-t", "tree", "-w", "--stdin"], {
    cwd: at,
  }).trim();
  const commits = ["1", "2", "3"].map((message) =>
    gitSync(["commit-tree", "-m", message, tree], { cwd: at }).trim() as Oid
  );
  commits.forEach((oid, i) =>
    gitSync(["update-ref", `refs/keep/${i}`, oid], { cwd: at })
  );
  const namespace = random.int(4) === 0 ? "a/b" : "";
  const refs = someRefs(random, commits);
  const prefix = prefixOf(namespace);
  const options = random.int(2) === 0 ? undefined : Array.from(
    { length: random.int(4) },
    () => random.pick(["a=b", "c d", "$(id) '\"", "\xc3\xa9", "\xff%\\", ""]),
  );
  for (
    const [key, value] of [
      ["core.hooksPath", random.pick(["", "", "", "my hooks", "ABSOLUTE/x/"])],
      ["receive.advertisePushOptions", "true"],
      ["receive.denyCurrentBranch", "ignore"],
      ["receive.denyDeleteCurrent", "ignore"],
      ["advice.ignoredHook", random.pick(["true", "true", "false"])],
    ] as const
  ) {
    if (value !== "") gitSync(["config", key, value], { cwd: at });
  }
  gitSync(["symbolic-ref", "HEAD", "refs/heads/unborn"], { cwd: at });
  cpSync(join(root, "git"), join(root, "ours"), { recursive: true });
  // Behind the copying: names that are not UTF-8 are not for every runtime.
  for (const { name, old } of refs) {
    if (old === ZERO) continue;
    gitSync(["update-ref", "--stdin"], {
      cwd: at,
      input: `create ${prefix}${name} ${old}\n`,
    });
  }
  const hooks = someHooks(random);
  for (const side of ["git", "ours"]) {
    placeHooks(join(root, side), gitDir, hooks);
  }
  return {
    root,
    gitDir,
    namespace,
    refs,
    ...(options === undefined ? {} : { options }),
  };
}

/** Removes both copies: refs may have names that are not UTF-8. */
export function removeCase({ root }: HookCase): void {
  spawnSync("rm", ["-rf", root]);
}

/** "refs/namespaces/a/refs/namespaces/b/" */
export function prefixOf(namespace: string): string {
  return namespace === ""
    ? ""
    : namespace.split("/").map((part) => `refs/namespaces/${part}/`).join("");
}

function someRefs(random: Random, commits: readonly Oid[]): PushedRef[] {
  const names = ["refs/heads/a", "refs/heads/-x", "refs/tags/b", "refs/x/c"]
    .concat(["refs/heads/\xc3\xa9", "refs/heads/\xe9", "refs/heads/$d'"]);
  return names.filter(() => random.int(2) === 0).concat("refs/heads/last")
    .map((name) => {
      const old = random.pick([ZERO as Oid, ...commits]);
      const choices = [ZERO as Oid, ...commits].filter((oid) => oid !== old);
      return { name: name as RefName, old, new: random.pick(choices) };
    });
}

/** Scripts by the names of hooks; what is not executable starts with "-". */
function someHooks(random: Random): ReadonlyMap<string, string> {
  const hooks = new Map<string, string>();
  for (const name of [...NAMES, ...LATER]) {
    const kind = random.int(8);
    if (kind === 0) continue;
    // git speaks of post-update also where nothing was updated.
    if (kind === 1 && name !== "post-update") {
      hooks.set(name, "-");
      continue;
    }
    const isTransaction = name === "reference-transaction";
    const end = isTransaction || random.int(4) > 0
      ? "exit 0"
      : random.pick(["exit 3", "kill -9 $$", 'test "$1" != refs/heads/last']);
    const say = isTransaction ? "" : random.pick(SAYINGS);
    // What has no interpreter is the shell's.
    const first = random.int(4) === 0 ? "" : "#!/bin/sh\n";
    hooks.set(name, `${first}${DUMP}${say}\n${end}\n`);
  }
  return hooks;
}

const SAYINGS = [
  "",
  "echo out; echo err >&2; echo out; echo err >&2",
  "echo hello >&2; printf 'col\\033[31mour\\033[m\\n'",
  "head -c 9000 /dev/zero | tr '\\0' x; echo",
];

const VARIABLES = "DIR|QUARANTINE_PATH|OBJECT_DIRECTORY|NAMESPACE|" +
  "ALTERNATE_OBJECT_DIRECTORIES|PUSH_OPTION_[A-Z0-9]*|WORK_TREE|INDEX_FILE|" +
  "PREFIX|COMMON_DIR";

const DUMP = `{
  printf '== %s' "$0"; for word; do printf ' <%s>' "$word"; done; echo
  pwd
  env | LC_ALL=C grep -aE '^GIT_(${VARIABLES})=' | LC_ALL=C sort
  echo input; cat
} >>DUMP
`;

function placeHooks(
  side: string,
  gitDir: string,
  hooks: ReadonlyMap<string, string>,
): void {
  const at = join(side, gitDir);
  const config = readFileSync(join(at, "config"), "utf8");
  writeFileSync(join(at, "config"), config.replace("ABSOLUTE", side));
  const directory = config.includes("ABSOLUTE")
    ? join(side, "x")
    : join(at, config.includes("my hooks") ? "my hooks" : "hooks");
  mkdirSync(directory, { recursive: true });
  for (const [name, script] of hooks) {
    const file = join(directory, name);
    writeFileSync(file, script.replaceAll("DUMP", join(side, "dump")));
    chmodSync(file, script.startsWith("-") ? 0o644 : 0o755);
  }
}

/** What `git receive-pack` makes of it. */
export async function pushToGit(world: HookCase): Promise<HookRun> {
  const side = join(world.root, "git");
  const capabilities = "report-status side-band-64k" +
    (world.options === undefined ? "" : " push-options");
  const lines = world.refs.map((ref, i) =>
    `${ref.old} ${ref.new} ${ref.name}${i === 0 ? `\0${capabilities}` : ""}`
  );
  const input = Buffer.concat([
    packets(...lines, "0000"),
    ...(world.options === undefined ? [] : [packets(...world.options, "0000")]),
    ...(hasPack(world) ? [rawPack([])] : []),
  ]);
  const result = await runProgram(GIT, ["receive-pack", join(side, "r")], {
    input,
    env: world.namespace === "" ? {} : { GIT_NAMESPACE: world.namespace },
  });
  return runOf(side, bandTwo(result.stdout), result.stderr);
}

/** What `hooks` make of it, in the order of git's receive-pack. */
export async function pushToHooks(
  world: HookCase,
  hooks: PushHooks,
): Promise<HookRun> {
  const side = join(world.root, "ours");
  const prefix = prefixOf(world.namespace);
  let said = "";
  const output: HookOutput = (bytes) => {
    said += toBinary(bytes);
    return Promise.resolve();
  };
  const objects = join(side, world.gitDir, ".", "objects");
  const quarantine = `${objects}/tmp_objdir-incoming-AAAAAA`;
  const push = {
    refs: world.refs,
    ...(world.options === undefined ? {} : { options: world.options }),
  };
  const environment = hasPack(world)
    ? {
      GIT_QUARANTINE_PATH: quarantine,
      GIT_OBJECT_DIRECTORY: quarantine,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: objects,
    }
    : {};
  const isOpen = await hooks.preReceive(push, environment, output);
  const updated: PushedRef[] = [];
  for (const ref of isOpen ? world.refs : []) {
    if (await hooks.update?.(ref, output) === false) {
      // Not the hooks' words, but receive-pack's.
      said += `error: hook declined to update ${ref.name}\n`;
      continue;
    }
    const observe = hooks.observe?.(output);
    const stored = { ...ref, name: `${prefix}${ref.name}` as RefName };
    await observe?.("prepared", [stored]);
    await observe?.("committed", [stored]);
    updated.push(ref);
  }
  if (updated.length > 0) {
    await hooks.postReceive({ ...push, refs: updated }, output);
    await hooks.postUpdate(updated.map(({ name }) => name), output);
  }
  const remark = /^(?:hint: |error: .* died of ).*\n/gm;
  return runOf(
    side,
    said.replaceAll(remark, ""),
    said.match(remark)?.join("") ?? "",
  );
}

function runOf(side: string, said: string, remarks: string): HookRun {
  const file = join(side, "dump");
  const dump = existsSync(file) ? readFileSync(file, "latin1") : "";
  const plain = (text: string) =>
    text.replaceAll(side, "SIDE").replaceAll("/./", "/")
      .replace(/tmp_objdir-incoming-\w+/g, "QUARANTINE");
  return {
    dump: plain(dump).replaceAll(OF_PACKED_REFS, ""),
    said: plain(said),
    remarks: plain(remarks).split("\n").filter((line) => line !== ""),
  };
}

/**
 * With a deletion, git tells that a second transaction, on `packed-refs`, was
 * not needed: the affair of whoever makes transactions.
 */
const OF_PACKED_REFS =
  /^== .*reference-transaction <aborted>\n(?:(?!== ).*\n)*/gm;

/** Deletions alone come without a pack, and have no quarantine. */
function hasPack({ refs }: HookCase): boolean {
  return refs.some((ref) => ref.new !== ZERO);
}

/** What stands on band 2, behind the advertisement. */
function bandTwo(stdout: string): string {
  return parsePackets(Buffer.from(stdout, "latin1"))
    .filter((each) => each.type === "data" && each.text.startsWith("\x02"))
    .map((each) => each.type === "data" ? each.text.slice(1) : "").join("");
}
