/**
 * The repositories that somebody may have, by the rules of exposure, as the
 * paths by which clients ask for them.
 *
 * @module
 */

import { RefusedError } from "../../core/errors.ts";
import type { FileSystem } from "../../core/host.ts";
import { type ExposureRules, findExposed, type GitRules } from "./exposure.ts";
import { type LookBounds, repositoriesBelow } from "./find_repositories.ts";
import { pathFault } from "./guard.ts";
import { oneLook } from "./one_look.ts";
import { trimSlashes } from "./paths.ts";

const BOUNDS: LookBounds = { depth: 8, entries: 200_000 };

interface Place {
  readonly directory: string;
  /** What stands before a path below it. */
  readonly prefix: string;
}

/**
 * Their paths, each with a slash in front. Yields `undefined` between bounded
 * steps; returns "more" where a look has met its bounds. By git's rules what
 * neither a base path nor the list of directories names is not looked for.
 */
export function* listedRepositories(
  fileSystem: FileSystem,
  rules: ExposureRules,
): Generator<string | undefined, "all" | "more", void> {
  let end: "all" | "more" = "all";
  for (const { directory, prefix } of placesOf(rules)) {
    const look = repositoriesBelow(fileSystem, directory, BOUNDS);
    for (;;) {
      const step = look.next();
      if (step.done === true) {
        if (step.value === "more") end = "more";
        break;
      }
      if (step.value === undefined) {
        yield undefined;
        continue;
      }
      const path = pathOf(prefix, step.value.path);
      // Opening one checks all; here, what the look has not seen to.
      const needsCheck = rules.rules === "git" || step.value.isLinked;
      const isListed = pathFault(path) === undefined &&
        (!needsCheck || isExposed(fileSystem, path, rules));
      yield isListed ? path : undefined;
    }
  }
  return end;
}

function placesOf(rules: ExposureRules): readonly Place[] {
  if (rules.rules === "friendly") {
    return [{ directory: rules.root, prefix: "" }];
  }
  return rules.basePath === undefined
    ? outermost(rules).map((path) => ({ directory: path, prefix: path }))
    : [{ directory: rules.basePath, prefix: "" }];
}

/** The directories of the list that are below no other one. */
function outermost({ directories = [] }: GitRules): readonly string[] {
  const paths = [...new Set(directories.map(trimSlashes))];
  return paths.filter((path) =>
    !paths.some((other) =>
      other !== path && path.startsWith(`${trimSlashes(other)}/`)
    )
  );
}

function pathOf(prefix: string, path: string): string {
  if (path === "") return prefix === "" ? "/" : prefix;
  return prefix === "/" ? `/${path}` : `${prefix}/${path}`;
}

function isExposed(
  fileSystem: FileSystem,
  path: string,
  rules: ExposureRules,
): boolean {
  try {
    findExposed(oneLook(fileSystem), path, rules);
    return true;
  } catch (error) {
    if (error instanceof RefusedError) return false;
    throw error;
  }
}
