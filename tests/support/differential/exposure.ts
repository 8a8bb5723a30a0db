/**
 * What a repository's owner lets clients see: hidden refs, namespaces, and
 * which objects may be asked for by their ids.
 *
 * @module
 */

import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { gitSync } from "../git.ts";
import type { Random } from "../random.ts";

/** The rules of one repository. */
export interface Exposure {
  /** Lines of the repository's configuration. */
  readonly config: readonly string[];
  /** Values of `GIT_NAMESPACE` that lead somewhere; "" is one. */
  readonly namespaces: readonly string[];
}

/** Everything may be asked for, and nothing is hidden. */
export const OPEN: Exposure = {
  config: ["[uploadpack]", "allowAnySHA1InWant = true", "allowFilter = true"],
  namespaces: [""],
};

/** Prefixes of refs that a repository may hide, in the forms git knows. */
const HIDEABLE = [
  "refs/pull",
  "refs/misc",
  "refs/tags",
  "refs/tags/light0",
  "refs/heads/side",
  "!refs/tags/light1",
  "!refs/misc/tree",
  "^refs/namespaces/a/refs/heads",
  "!^refs/namespaces/a/refs/heads/main",
  "^refs/heads/main",
  "refs/namespaces",
];

const ALLOW_KEYS = ["allowTipSHA1InWant", "allowReachableSHA1InWant"];

/** Rules that `random` means. */
export function guarded(random: Random): Exposure {
  const hides = HIDEABLE.filter(() => random.int(3) === 0).map((value) =>
    `${random.pick(["hideRefs", "hideRefs"])} = "${value}"`
  );
  const half = random.int(hides.length + 1);
  const allows = ALLOW_KEYS.filter(() => random.int(3) === 0).map((key) =>
    `${key} = true`
  );
  return {
    config: [
      "[transfer]",
      ...hides.slice(0, half),
      "[uploadpack]",
      ...hides.slice(half),
      ...allows,
      "allowFilter = true",
    ],
    namespaces: ["", "", "a", "a/b"],
  };
}

/** The prefix of a namespace's refs. */
export function namespacePrefix(namespace: string): string {
  return namespace.split("/").filter((part) => part !== "")
    .map((part) => `refs/namespaces/${part}/`).join("");
}

/** Gives each of the namespaces some refs, and writes the configuration. */
export function applyExposure(
  path: string,
  random: Random,
  { config, namespaces }: Exposure,
  commits: readonly string[],
): void {
  const update: string[] = [];
  for (const namespace of new Set(namespaces)) {
    if (namespace === "") continue;
    const prefix = namespacePrefix(namespace);
    for (const name of ["heads/main", "heads/side", "tags/light1"]) {
      update.push(`update ${prefix}refs/${name} ${random.pick(commits)}`);
    }
    gitSync(["symbolic-ref", `${prefix}HEAD`, `${prefix}refs/heads/main`], {
      cwd: path,
    });
  }
  gitSync(["update-ref", "--stdin"], {
    cwd: path,
    input: update.map((line) => `${line}\n`).join(""),
  });
  appendFileSync(join(path, "config"), `${config.join("\n")}\n`);
}
