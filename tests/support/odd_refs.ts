/**
 * Repositories whose refs are made by chance: loose and packed, symbolic,
 * hidden, in namespaces, with every kind of HEAD. The same seed makes the same
 * one. For comparing what servers tell of refs.
 *
 * @module
 */

import {
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { emptyRepository, type ObjectFormat } from "./fixture.ts";
import { gitSync } from "./git.ts";
import { type Random, seeded } from "./random.ts";

/** Objects that refs can name. */
export interface OddObjects {
  /** A repository without refs that holds them. */
  readonly path: string;
  /** Its format. */
  readonly format: ObjectFormat;
  /** Commits, each the parent of the next. */
  readonly commits: readonly string[];
  /** Annotated tags, and what each peels to. */
  readonly tags: ReadonlyMap<string, string>;
}

/** Makes the objects. */
export function oddObjects(path: string, format: ObjectFormat): OddObjects {
  emptyRepository(path, format);
  const run = (args: readonly string[], input = ""): string =>
    gitSync(args, { cwd: path, input }).trim();
  const tree = run(["mktree"]);
  const commits: string[] = [];
  for (const name of ["a", "b", "c", "d"]) {
    const parent = commits.at(-1);
    const parents = parent === undefined ? [] : ["-p", parent];
    commits.push(run(["commit-tree", "-m", name, ...parents, tree]));
  }
  const blob = run(["hash-object", "-w", "--stdin"], "blob\n");
  const tags = new Map<string, string>();
  const tag = (target: string, type: string, peeled: string): string => {
    const oid = run(
      ["mktag"],
      `object ${target}\ntype ${type}\ntag t\n` +
        "tagger T <t@example.com> 1700000000 +0000\n\nt\n",
    );
    tags.set(oid, peeled);
    return oid;
  };
  const commit = commits[1] ?? "";
  const once = tag(commit, "commit", commit);
  tag(once, "tag", commit);
  tag(blob, "blob", blob);
  return { path, format, commits, tags };
}

/** What one repository is. */
export interface OddRepository {
  /** Where it is. */
  readonly path: string;
  /** What it was made of, for messages. */
  readonly story: string;
}

/** The value of `GIT_NAMESPACE` for each of the namespaces that there are. */
export const NAMESPACES = ["", "n", "n/m", "n//m", "other"] as const;

const NAMES = [
  "refs/heads/main",
  "refs/heads/dev",
  "refs/heads/a/b",
  "refs/heads/hidden/x",
  "refs/tags/v1",
  "refs/tags/v2",
  "refs/tags/nest",
  "refs/pull/1/head",
  "refs/remotes/origin/main",
] as const;

const N = "refs/namespaces/n/";
const M = `${N}refs/namespaces/m/`;

const KEYS = [
  "uploadpack.allowTipSHA1InWant",
  "uploadpack.allowReachableSHA1InWant",
  "uploadpack.allowAnySHA1InWant",
] as const;

/** Makes the repository of a seed at `path`. */
export function oddRepository(
  seed: number,
  from: OddObjects,
  path: string,
): OddRepository {
  const random = seeded(seed);
  rmSync(path, { recursive: true, force: true });
  cpSync(from.path, path, { recursive: true });
  const chance = (percent: number): boolean => random.int(100) < percent;
  const story: string[] = [];
  const loose = (name: string, value: string): void => {
    story.push(`${name} = ${value}`);
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), `${value}\n`);
  };
  const value = (): string =>
    random.pick(
      chance(40) ? [...from.tags.keys()] : from.commits,
    );

  const packed = new Map<string, string>();
  const density = random.pick([0, 30, 70, 100]);
  for (const prefix of ["", N, M]) {
    for (const name of NAMES) {
      if (!chance(density)) continue;
      const way = random.int(4);
      if (way !== 0) packed.set(prefix + name, value());
      if (way < 2) loose(prefix + name, value());
    }
  }
  if (chance(15)) {
    const prefix = random.pick(["", N]);
    for (let i = 0; i < 700; i++) {
      packed.set(`${prefix}refs/tags/many/${i}`, value());
    }
  }
  if (chance(30)) loose(`${N}stray`, value());
  if (chance(20)) packed.set(`${N}STRAY`, value());
  if (chance(40)) loose("refs/heads/sym", "ref: refs/heads/main");
  if (chance(40)) loose(`${N}refs/heads/sym`, `ref: ${N}refs/heads/main`);
  if (chance(20)) loose(`${N}refs/heads/out`, `ref: ${M}refs/heads/main`);
  if (chance(20)) loose(`${N}refs/heads/lost`, `ref: ${N}refs/heads/nowhere`);

  loose("HEAD", head(random, "", value));
  for (const prefix of [N, M]) {
    if (chance(70)) loose(`${prefix}HEAD`, head(random, prefix, value));
  }
  if (packed.size > 0) writePacked(random, path, packed, from.tags);
  if (chance(20)) {
    const shallow = from.commits.filter(() => chance(40));
    writeFileSync(
      join(path, "shallow"),
      shallow.map((oid) => `${oid}\n`).join(""),
    );
    story.push(`shallow = ${shallow}`);
  }
  const settings = configuration(random);
  const config = readFileSync(join(path, "config"), "utf8");
  writeFileSync(
    join(path, "config"),
    config + settings.map(([key, text]) => {
      const [section, name] = key.split(".");
      return `[${section}]\n\t${name} = "${text}"\n`;
    }).join(""),
  );
  return {
    path,
    story: [
      ...story,
      ...[...packed].slice(0, 40).map((each) => `packed ${each.join(" = ")}`),
      ...settings.map((each) => each.join(" = ")),
    ].join("\n"),
  };
}

function head(random: Random, prefix: string, value: () => string): string {
  switch (random.int(prefix === "" ? 4 : 5)) {
    case 0:
      return value();
    case 1:
      return `ref: ${prefix}refs/heads/unborn`;
    case 2:
      return `ref: ${prefix}refs/tags/v1`;
    case 3:
      return `ref: ${prefix}refs/heads/main`;
    default:
      // Out of the namespace.
      return "ref: refs/heads/main";
  }
}

function writePacked(
  random: Random,
  path: string,
  packed: ReadonlyMap<string, string>,
  tags: ReadonlyMap<string, string>,
): void {
  const isPeeled = random.int(4) > 0;
  const names = [...packed.keys()].sort();
  const lines = names.map((name) => {
    const oid = packed.get(name) ?? "";
    const peeled = isPeeled ? tags.get(oid) : undefined;
    return `${oid} ${name}\n${peeled === undefined ? "" : `^${peeled}\n`}`;
  });
  const traits = isPeeled ? "peeled fully-peeled sorted" : "sorted";
  writeFileSync(
    join(path, "packed-refs"),
    `# pack-refs with: ${traits} \n${lines.join("")}`,
  );
}

function configuration(random: Random): [string, string][] {
  const settings: [string, string][] = [];
  const some = (percent: number): boolean => random.int(100) < percent;
  for (let i = random.int(4); i > 0; i--) {
    settings.push([random.pick(KEYS), random.pick(["true", "false"])]);
  }
  if (some(30)) {
    settings.push(["transfer.advertiseSID", random.pick(["true", "no"])]);
  }
  if (some(30)) {
    settings.push([
      "lsrefs.unborn",
      random.pick(["advertise", "allow", "ignore"]),
    ]);
  }
  if (some(20)) {
    settings.push(["uploadpack.keepAlive", random.pick(["0", "-3", "1k"])]);
  }
  for (const key of ["allowFilter", "allowRefInWant", "allowSidebandAll"]) {
    if (some(15)) settings.push([`uploadpack.${key}`, "true"]);
  }
  for (let i = some(60) ? 1 + random.int(4) : 0; i > 0; i--) {
    const key = random.pick(["transfer", "uploadpack", "receive"]);
    const sign = random.pick(["", "", "!", "^", "!^"]);
    const match = random.pick([
      ...["refs/heads", "refs/heads/hidden/", "refs/tags/v1", "refs/tags"],
      ...["refs/pull//", "HEAD", "refs/heads/main", "refs/namespaces"],
      ...[`${N}refs/heads`, `${N}refs/tags/v1`, `${M}refs`, `${N}HEAD`, "refs"],
    ]);
    settings.push([`${key}.hideRefs`, sign + match]);
  }
  return settings;
}
