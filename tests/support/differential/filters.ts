/**
 * Random filters for fetches: one row of a table for each kind.
 *
 * @module
 */

import type { Random } from "../random.ts";

/** What filters may name. */
interface Names {
  /** Names of blobs with patterns, and some that name none. */
  readonly sparse: readonly string[];
}

type MakeFilter = (random: Random, names: Names) => string;

/** Filters that are none of several. */
const SIMPLE: readonly MakeFilter[] = [
  () => "blob:none",
  (random) => `blob:limit=${random.pick(["0", "1", "9", "40", "300", "1k"])}`,
  (random) => `tree:${random.pick(["0", "1", "2", "3", "0x4"])}`,
  (random) =>
    `object:type=${random.pick(["commit", "tree", "blob", "tag", "blob"])}`,
  sparse,
];

/** Every kind of filter-spec; the last ones are refused. */
const ALL: readonly MakeFilter[] = [
  ...SIMPLE,
  ...SIMPLE,
  ...SIMPLE,
  combined,
  combined,
  combined,
  combined,
  nested,
  (random) =>
    random.pick([
      "blob:limit=-1",
      "tree:99999999999999999999",
      "tree:x",
      "sparse:path=x",
      "object:type=commits",
      "combine:",
      "combine:tree:1+",
      "combine:blob:none+tree:1 ",
      "combine:blob%3anone+tree%3A2+blob%zznone",
      "sparse:oid=refs/heads/none:x",
    ]),
];

/** No filter for half of the fetches. */
export function chooseFilter(names: Names, random: Random): string {
  return random.int(2) === 0 ? "" : someFilter(names, random);
}

/** A filter-spec of any kind; one in sixty is none. */
export function someFilter(names: Names, random: Random): string {
  return random.pick(ALL)(random, names);
}

function sparse(random: Random, { sparse: names }: Names): string {
  return `sparse:oid=${random.pick(names)}`;
}

function combined(random: Random, names: Names): string {
  const parts = Array.from(
    { length: 1 + random.int(3) },
    () => random.pick(SIMPLE)(random, names),
  );
  return `combine:${parts.map(escaped).join("+")}`;
}

function nested(random: Random, names: Names): string {
  const parts = [
    combined(random, names),
    random.pick(SIMPLE)(random, names),
  ];
  return `combine:${parts.map(escaped).join("+")}`;
}

function escaped(text: string): string {
  return text.replace(
    /[%+]/g,
    (each) => `%${each.charCodeAt(0).toString(16)}`,
  );
}
