/**
 * Pushes of every kind, generated from a seed, as the bytes that a client
 * sends.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { git } from "../git.ts";
import { type Random, seeded } from "../random.ts";
import { pkt } from "../wire_client.ts";
import type { PushWorld } from "./world.ts";

/** One command. */
export interface PushCommand {
  readonly name: string;
  readonly old: string;
  readonly new: string;
}

/** One push. */
export interface GeneratedPush {
  /** Its commands. */
  readonly commands: readonly PushCommand[];
  /** The capabilities that it asks for. */
  readonly capabilities: readonly string[];
  /** Everything that is sent, the pack too. */
  readonly bytes: Uint8Array;
  /** The version that it asks for. */
  readonly protocol: 0 | 1 | 2;
  /** Whether it is one request of `--stateless-rpc`. */
  readonly isStateless: boolean;
  /** What is unusual about its pack. */
  readonly pack: "none" | "whole" | "thin" | "lacking";
}

const NEW_NAMES = [
  ...["refs/heads/new1", "refs/heads/new2", "refs/tags/t1", "refs/tags/t2"],
  ...["refs/heads/main/sub", "refs/heads/dir", "refs/hidden/two", "HEAD"],
  ...["refs/heads/-x", "refs/heads/@", "refs/changes/01/1/head"],
  ...["refs/heads/b1/deep", "refs/notes/commits", "refs/heads/unborn"],
];

/** The push with a number in a world. */
export async function makePush(
  world: PushWorld,
  index: number,
): Promise<GeneratedPush> {
  const random = seeded(world.seed * 1009 + index * 7919 + 5);
  const zero = world.format === "sha1" ? "0".repeat(40) : "0".repeat(64);
  const isAtomic = world.takesAtomic && random.int(3) === 0;
  const commands = commandsOf(random, { world, zero, isAtomic });
  const hasOptions = world.takesOptions && random.int(2) === 0;
  const capabilities = [
    ...(random.int(12) > 0 ? ["report-status"] : []),
    ...(random.int(2) === 0 ? ["report-status-v2"] : []),
    ...(random.int(6) > 0 ? ["side-band-64k"] : []),
    ...(random.int(2) === 0 ? ["quiet"] : []),
    ...(isAtomic ? ["atomic"] : []),
    ...(hasOptions ? ["push-options"] : []),
    ...[`object-format=${world.format}`, "agent=test"],
  ];
  const wantsPack = commands.some((each) => each.new !== zero);
  const pack = !wantsPack
    ? "none"
    : random.pick(["whole", "thin", "thin", "whole", "lacking"] as const);
  const shallow = wantsPack && random.int(7) === 0
    ? [random.pick(world.commits), random.pick(world.commits)]
    : [];
  const lines = commands.map(({ name, old, new: to }, i) =>
    pkt(
      `${old} ${to} ${name}` + (i === 0 ? `\0 ${capabilities.join(" ")}` : ""),
    )
  );
  const options = hasOptions
    ? [pkt("an option"), pkt("another=1"), Buffer.from("0000")]
    : [];
  return {
    commands,
    capabilities,
    pack,
    isStateless: random.int(5) === 0,
    protocol: random.pick([0, 0, 0, 1, 2] as const),
    bytes: Buffer.concat([
      ...shallow.map((oid) => pkt(`shallow ${oid}`)),
      ...lines,
      Buffer.from("0000"),
      ...options,
      await packBytes(random, world, { commands, pack, shallow, index }),
    ]),
  };
}

/** A push in words, for a failure. */
export function describePush(push: GeneratedPush): string {
  const lines = push.commands.slice(0, 20).map((each) =>
    `${each.old.slice(0, 7)} ${each.new.slice(0, 7)} ${each.name}`
  );
  const shallow = Buffer.from(push.bytes).toString("latin1")
    .match(/shallow [0-9a-f]{7}/g) ?? [];
  return [
    ...shallow,
    ...lines,
    `[${push.capabilities.join(" ")}] ${push.pack} v${push.protocol}` +
    (push.isStateless ? " stateless" : ""),
  ].join("\n");
}

/** What the commands of a push are made from. */
interface CommandsInit {
  readonly world: PushWorld;
  readonly zero: string;
  readonly isAtomic: boolean;
}

function commandsOf(random: Random, init: CommandsInit): PushCommand[] {
  const { world, zero, isAtomic } = init;
  const commands: PushCommand[] = [];
  const add = (name: string, to?: string) => {
    const old = oldOf(random, world, name, zero);
    commands.push({ name, old, new: to ?? newOf(random, world, old, zero) });
  };
  if (random.int(40) === 0) {
    // A hook for each takes git a second for a hundred.
    const isSlow = /hook (update|reference)/.test(world.words);
    for (let n = isSlow ? 260 : 0; n < 300; n++) {
      add(`refs/heads/many/${n % 290}`, random.pick(world.commits));
    }
  }
  const deletes = random.int(10) === 0 ? zero : undefined;
  for (let n = 1 + random.int(5); n > 0; n--) {
    const name = nameOf(random, world);
    // Most clients name a ref once.
    if (commands.some((each) => each.name === name) && random.int(8) > 0) {
      continue;
    }
    add(name, deletes);
  }
  // Pushes that name nothing else are refused early: see `judge.ts`.
  const kept = commands.filter(({ name }) => name !== "HEAD");
  if (isAtomic || kept.length === 0) {
    if (kept.length > 0) return kept;
    commands.length = 0;
    add("refs/heads/main");
  }
  return commands;
}

function nameOf(random: Random, world: PushWorld): string {
  const kind = random.int(20);
  if (kind < 11) return random.pick([...world.refs.keys()]);
  if (kind < 13 && world.symrefs.length > 0) return random.pick(world.symrefs);
  return random.pick(NEW_NAMES);
}

function oldOf(
  random: Random,
  world: PushWorld,
  name: string,
  zero: string,
): string {
  const target = name === "refs/heads/alias" ? "refs/heads/main" : name;
  if (random.int(8) > 0) return world.refs.get(target) ?? zero;
  return random.int(2) === 0 ? zero : random.pick(world.commits);
}

function newOf(
  random: Random,
  world: PushWorld,
  old: string,
  zero: string,
): string {
  const kind = random.int(20);
  if (kind < 4) return zero;
  if (kind < 6) return random.pick(world.others);
  if (kind < 7) return old;
  if (kind < 8 && random.int(3) === 0) return "12".repeat(zero.length / 2);
  return random.pick(world.commits);
}

/** The pack, as git's client makes it; "lacking" leaves one object out. */
async function packBytes(
  random: Random,
  { source, refs, commits, others }: PushWorld,
  { commands, pack, shallow, index }: {
    readonly commands: readonly PushCommand[];
    readonly pack: GeneratedPush["pack"];
    readonly shallow: readonly string[];
    readonly index: number;
  },
): Promise<Uint8Array> {
  if (pack === "none") return new Uint8Array(0);
  const known = new Set([...commits, ...others]);
  const wanted = commands.map((each) => each.new).filter((oid) =>
    known.has(oid)
  );
  const ends = [...new Set(refs.values())].map((oid) => `^${oid}`);
  const revs = `${[...wanted, ...ends].join("\n")}\n`;
  const before: string[] = [];
  if (shallow.length > 0) {
    const file = join(source, `../shallow-${index}`);
    writeFileSync(file, shallow.map((oid) => `${oid}\n`).join(""));
    before.push("--shallow-file", file);
  }
  const run = async (args: readonly string[], input: string) =>
    Buffer.from(
      await git([...before, ...args], { cwd: source, input }),
      "latin1",
    );
  const making = ["pack-objects", "--stdout", "--delta-base-offset", "-q"];
  if (pack !== "lacking") {
    const thin = pack === "thin" ? ["--thin"] : [];
    return await run([...making, ...thin, "--revs"], revs);
  }
  const listed = await run(["rev-list", "--objects", "--stdin"], revs);
  const all = listed.toString("latin1").split("\n").filter((line) =>
    line !== ""
  );
  all.splice(random.int(all.length), 1);
  return await run(making, all.map((line) => `${line}\n`).join(""));
}
