/**
 * Pushes of every kind, generated from a seed, as the bytes that a client
 * sends.
 *
 * @module
 */

import { Buffer } from "node:buffer";
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
  /** What is unusual about its pack. */
  readonly pack: "none" | "whole" | "thin" | "lacking";
}

const ZERO = "0".repeat(40);
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
  const commands: PushCommand[] = [];
  for (let n = 1 + random.int(5); n > 0; n--) {
    const name = nameOf(random, world);
    // Most clients name a ref once.
    if (commands.some((each) => each.name === name) && random.int(8) > 0) {
      continue;
    }
    const old = oldOf(random, world, name);
    commands.push({ name, old, new: newOf(random, world, old) });
  }
  const isAtomic = world.takesAtomic && random.int(3) === 0;
  const hasOptions = world.takesOptions && random.int(2) === 0;
  const capabilities = [
    ...(random.int(12) > 0 ? ["report-status"] : []),
    ...(random.int(2) === 0 ? ["report-status-v2"] : []),
    ...(random.int(6) > 0 ? ["side-band-64k"] : []),
    ...(random.int(2) === 0 ? ["quiet"] : []),
    ...(isAtomic ? ["atomic"] : []),
    ...(hasOptions ? ["push-options"] : []),
    ...["object-format=sha1", "agent=test"],
  ];
  const wantsPack = commands.some((each) => each.new !== ZERO);
  const pack = !wantsPack
    ? "none"
    : random.pick(["whole", "thin", "thin", "whole", "lacking"] as const);
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
    protocol: random.pick([0, 0, 0, 1, 2] as const),
    bytes: Buffer.concat([
      ...lines,
      Buffer.from("0000"),
      ...options,
      await packBytes(random, world, commands, pack),
    ]),
  };
}

/** A push in words, for a failure. */
export function describePush(push: GeneratedPush): string {
  const lines = push.commands.map((each) =>
    `${each.old.slice(0, 7)} ${each.new.slice(0, 7)} ${each.name}`
  );
  return `${lines.join("\n")}\n[${
    push.capabilities.join(" ")
  }] ${push.pack} v${push.protocol}`;
}

function nameOf(random: Random, world: PushWorld): string {
  const kind = random.int(20);
  if (kind < 11) return random.pick([...world.refs.keys()]);
  if (kind < 13 && world.symrefs.length > 0) return random.pick(world.symrefs);
  return random.pick(NEW_NAMES);
}

function oldOf(random: Random, world: PushWorld, name: string): string {
  const target = name === "refs/heads/alias" ? "refs/heads/main" : name;
  if (random.int(8) > 0) return world.refs.get(target) ?? ZERO;
  return random.int(2) === 0 ? ZERO : random.pick(world.commits);
}

function newOf(random: Random, world: PushWorld, old: string): string {
  const kind = random.int(20);
  if (kind < 4) return ZERO;
  if (kind < 6) return random.pick(world.others);
  if (kind < 7) return old;
  if (kind < 8 && random.int(3) === 0) return "12".repeat(20);
  return random.pick(world.commits);
}

/** The pack, as git's client makes it; "lacking" leaves one object out. */
async function packBytes(
  random: Random,
  { source, refs, commits, others }: PushWorld,
  commands: readonly PushCommand[],
  pack: GeneratedPush["pack"],
): Promise<Uint8Array> {
  if (pack === "none") return new Uint8Array(0);
  const known = new Set([...commits, ...others]);
  const wanted = commands.map((each) => each.new).filter((oid) =>
    known.has(oid)
  );
  const ends = [...new Set(refs.values())].map((oid) => `^${oid}`);
  const revs = `${[...wanted, ...ends].join("\n")}\n`;
  const run = async (args: readonly string[], input: string) =>
    Buffer.from(await git(args, { cwd: source, input }), "latin1");
  const making = ["pack-objects", "--stdout", "--delta-base-offset", "-q"];
  if (pack !== "lacking") {
    const thin = pack === "thin" ? ["--thin"] : [];
    return await run([...making, ...thin, "--revs"], revs);
  }
  const listed = await git(["rev-list", "--objects", "--stdin"], {
    cwd: source,
    input: revs,
  });
  const all = listed.split("\n").filter((line) => line !== "");
  all.splice(random.int(all.length), 1);
  return await run(making, all.map((line) => `${line}\n`).join(""));
}
