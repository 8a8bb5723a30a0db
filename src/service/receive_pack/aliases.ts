/**
 * Updates that come to the same ref by two names.
 *
 * builtin/receive-pack.c: check_aliased_updates.
 *
 * @module
 */

import type { Oid } from "../../core/oid.ts";
import type { RefName } from "../../core/ref_name.ts";
import type { ObjectGraph, RefSnapshot } from "../../storage/types.ts";
import { type Band, errorLine } from "./band.ts";
import type { Command } from "./commands.ts";

/** Where a session's refs are. */
export interface RefPlace {
  /** The refs as they are stored. */
  readonly refs: RefSnapshot;
  /** What stands before the session's names there. */
  readonly namespace: string;
}

/** The ref that changes where `name` is to: itself, or what a symref names. */
export function finalName(
  { refs, namespace }: RefPlace,
  name: string,
): RefName {
  const full = namespace + name as RefName;
  return refs.get(full)?.target ?? refs.unborn?.(full) ?? full;
}

/**
 * Skips symrefs beside their targets, where both are to change alike, and
 * refuses both where they are not.
 */
export async function checkAliases(
  commands: readonly Command[],
  place: RefPlace,
  graph: ObjectGraph,
  band: Band,
): Promise<void> {
  const byName = new Map<string, Command>();
  for (const command of commands) byName.set(command.name, command);
  const { namespace } = place;
  for (const command of commands) {
    if (command.error !== undefined) continue;
    const target = finalName(place, command.name);
    if (target === namespace + command.name) continue;
    if (!target.startsWith(namespace)) continue;
    const other = byName.get(target.slice(namespace.length));
    if (other === undefined) continue;
    command.isSkipped = true;
    if (command.old === other.old && command.new === other.new) continue;
    other.isSkipped = true;
    const change = (each: Command): string =>
      `'${each.name}' (${abbreviate(graph, each.old)}..` +
      `${abbreviate(graph, each.new)})`;
    await band.say(errorLine(
      `refusing inconsistent update between symref ${change(command)} and ` +
        `its target ${change(other)}`,
    ));
    command.error = other.error = "inconsistent aliased update";
  }
}

/** object-name.c: repo_find_unique_abbrev_r. */
function abbreviate(graph: ObjectGraph, oid: Oid): string {
  const bits = Math.ceil(Math.log2(graph.count + 1));
  let length = Math.max(7, Math.ceil(bits / 2));
  if (graph.startingWith === undefined || graph.find(oid) < 0) {
    return oid.slice(0, length);
  }
  while (
    length < oid.length &&
    graph.startingWith(oid.slice(0, length)).length > 1
  ) length++;
  return oid.slice(0, length);
}
