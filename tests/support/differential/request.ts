/**
 * Random fetches of a repository: what a client has, what it wants and how it
 * says so, in each protocol version.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { FIRST_DATE } from "../fixture_history.ts";
import { type Random, seeded } from "../random.ts";
import { describePackets, packets, parsePackets } from "../wire_client.ts";
import { namespacePrefix, OPEN } from "./exposure.ts";
import { closure } from "./objects.ts";
import { chooseFilter } from "./filters.ts";
import type { Specimen } from "./repository.ts";

/** One fetch. */
export interface Fetch {
  /** The protocol version asked for. */
  readonly protocol: 0 | 1 | 2;
  /** Every byte that the client sends. */
  readonly input: Uint8Array;
  /** Ids that it wants. */
  readonly wants: readonly string[];
  /** Ids that it says it has and the server knows. */
  readonly haves: readonly string[];
  /** Its shallow commits. */
  readonly shallow: readonly string[];
  /** What it can do and asks for. */
  readonly features: ReadonlySet<string>;
  /** Its `deepen` lines, of each kind. */
  readonly depth: readonly string[];
  /** What is to be left out, "" for nothing. */
  readonly filter: string;
  /** The value of git's `pack.useSparse` for this fetch. */
  readonly sparse: boolean;
  /** The value of `GIT_NAMESPACE`. */
  readonly namespace: string;
  /** Whether it comes without the advertisement, and goes on elsewhere. */
  readonly stateless: boolean;
}

const FILTER_SEED = 0x5eed_0000;

interface Choice {
  readonly wants: readonly string[];
  readonly haves: readonly string[];
  /** The haves and some that nobody knows, in the order they are sent. */
  readonly named: readonly string[];
  readonly shallow: readonly string[];
  /** `deepen` lines. */
  readonly depth: readonly string[];
  readonly features: ReadonlySet<string>;
  /** A filter-spec, or "". */
  readonly filter: string;
}

/** The fetch that `seed` means of a repository. */
export function makeFetch(specimen: Specimen, seed: number): Fetch {
  const random = seeded(seed);
  const terms = seeded(seed + 0x100_0000);
  const namespace = terms.pick(specimen.exposure.namespaces);
  const stateless = terms.int(4) === 0;
  const choice = {
    ...choose(specimen, random, namespace),
    // Of its own seed, so that nothing else changes with what is chosen here.
    filter: chooseFilter(specimen, seeded(seed + FILTER_SEED)),
  };
  const protocol = random.pick([0, 0, 1, 2, 2, 2] as const);
  const input = protocol === 2
    ? v2Input(random, choice, specimen)
    : v0Input(random, choice, stateless);
  const { wants, haves, shallow, depth, features, filter } = choice;
  const sparse = random.int(2) === 0;
  return {
    protocol,
    input,
    wants,
    haves,
    shallow,
    features,
    depth,
    filter,
    sparse,
    namespace,
    stateless,
  };
}

/** The request's text, a packet a line, for messages. */
export function describeFetch(fetch: Fetch): string {
  const { protocol, sparse, input, namespace, stateless } = fetch;
  return [
    `version=${protocol}, pack.useSparse=${sparse}, ` +
    `GIT_NAMESPACE=${namespace}${stateless ? ", --stateless-rpc" : ""}`,
    ...describePackets(parsePackets(input)).map((line) => line.trimEnd()),
  ].join("\n");
}

function choose(
  specimen: Specimen,
  random: Random,
  namespace: string,
): Omit<Choice, "filter"> {
  const { commits, objects } = specimen;
  const tips = tipsOf(specimen, namespace);
  const others = [...objects.keys()].sort();
  const commit = (): string => random.pick(commits);
  const wants = distinct(1 + random.int(3), () => {
    const kind = random.int(16);
    return kind < (specimen.exposure === OPEN ? 9 : 14)
      ? random.pick(tips)
      : kind < 15
      ? commit()
      : random.pick(others);
  });
  const haves = random.int(6) === 0 ? [] : distinct(random.int(6), () => {
    switch (random.int(12)) {
      case 0:
      case 1:
        return random.pick(tips);
      case 2:
        return random.pick(others);
      case 3:
      case 4:
        // Not far behind what it wants, as most fetches are.
        return behind(random, specimen, random.pick(wants));
      default:
        return commit();
    }
  });
  const unknown = distinct(
    random.int(3),
    () => Buffer.from(random.bytes((tips[0] ?? "").length / 2)).toString("hex"),
  );
  const named = shuffled(random, [...haves, ...unknown]);
  const shallow = chooseShallow(specimen, random, haves);
  // git takes the refs of the whole repository there, we those of the client's
  // namespace.
  const depth = chooseDepth(specimen, random)
    .filter((line) => namespace === "" || !line.startsWith("deepen-not"));
  const features = new Set(
    ["thin-pack", "ofs-delta", "include-tag"].filter(() => random.int(2) === 0),
  );
  // git's sum of the greatest depth and one is no defined number.
  if (/^deepen \d$/.test(depth[0] ?? "") && random.int(3) === 0) {
    features.add("deepen-relative");
  }
  return { wants, haves, named, shallow, depth, features };
}

/** What the refs of a namespace lead to, hidden ones too. */
function tipsOf({ refs }: Specimen, namespace: string): string[] {
  const prefix = namespacePrefix(namespace);
  return [...refs].filter(([name]) => name.startsWith(`${prefix}refs/`))
    .map(([, oid]) => oid);
}

/** Most are below the haves, as a real client's are. */
function chooseShallow(
  { objects, commits, shallow }: Specimen,
  random: Random,
  haves: readonly string[],
): string[] {
  if (random.int(3) > 0) return [];
  const reached = [...closure(objects, haves, new Set(shallow))]
    .filter((oid) => objects.get(oid)?.kind === "commit");
  return distinct(
    1 + random.int(4),
    () =>
      random.pick(
        reached.length > 0 && random.int(5) > 0 ? reached : commits,
      ),
  );
}

function chooseDepth({ refs, commits }: Specimen, random: Random): string[] {
  if (random.int(5) > 1) return [];
  const since = (): string =>
    `deepen-since ${FIRST_DATE + random.int(commits.length * 100)}`;
  const not = (): string =>
    `deepen-not ${
      random.pick([...refs.keys()].filter((name) => /heads|tags/.test(name)))
    }`;
  switch (random.int(12)) {
    case 0:
      return [since()];
    case 1:
      return [not()];
    case 2:
      return [since(), not()];
    case 3:
      return [not(), not()];
    case 4:
      return ["deepen 2147483647"];
    default:
      return [`deepen ${1 + random.int(8)}`];
  }
}

function v0Input(
  random: Random,
  choice: Choice,
  stateless: boolean,
): Uint8Array {
  const { wants, named, shallow, depth, features, filter } = choice;
  const capabilities = [
    random.pick(["", "side-band", "side-band-64k", "side-band-64k"]),
    random.pick([
      "",
      "multi_ack",
      "multi_ack_detailed",
      "multi_ack_detailed no-done",
    ]),
    "no-progress",
    ...features,
    filter === "" ? "" : "filter",
    "agent=test/1",
  ].filter((each) => each !== "").join(" ");
  return packets(
    ...wants.map((oid, i) =>
      `want ${oid}${i === 0 ? ` ${capabilities}` : ""}\n`
    ),
    ...shallow.map((oid) => `shallow ${oid}\n`),
    ...depth.map((line) => `${line}\n`),
    ...filterLine(filter),
    "0000",
    ...named.flatMap((oid) => [
      `have ${oid}\n`,
      // A stateless client's round ends there.
      ...(random.int(stateless ? 12 : 4) === 0 ? ["0000"] : []),
    ]),
    "done\n",
  );
}

function v2Input(
  random: Random,
  choice: Choice,
  { format }: Specimen,
): Uint8Array {
  const { wants, named, shallow, depth, features, filter } = choice;
  return packets(
    "command=fetch\n",
    "agent=test/1\n",
    `object-format=${format}\n`,
    "0001",
    "no-progress\n",
    ...[...features].map((each) => `${each}\n`),
    ...wants.map((oid) => `want ${oid}\n`),
    ...shallow.map((oid) => `shallow ${oid}\n`),
    ...depth.map((line) => `${line}\n`),
    ...filterLine(filter),
    ...named.map((oid) => `have ${oid}\n`),
    // Without it, a server that has seen enough sends the pack all the same.
    ...(random.int(8) === 0 ? [] : ["done\n"]),
    "0000",
  );
}

function filterLine(filter: string): string[] {
  return filter === "" ? [] : [`filter ${filter}\n`];
}

/** A commit a few parents behind `oid`, where there is one. */
function behind(random: Random, { objects }: Specimen, oid: string): string {
  let at = oid;
  for (let steps = 1 + random.int(6); steps > 0; steps--) {
    const { parents = [], kind, links = [] } = objects.get(at) ?? {};
    const next = kind === "tag" ? links : parents;
    const known = next.filter((each) => objects.has(each));
    if (known.length === 0) break;
    at = random.pick(known);
  }
  return at;
}

function distinct(count: number, make: () => string): string[] {
  return [...new Set(Array.from({ length: count }, make))];
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const list = [...items];
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}
