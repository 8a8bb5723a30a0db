/**
 * Updates that come to the same ref by two names.
 *
 * builtin/receive-pack.c: check_aliased_updates.
 *
 * @module
 */

import { once } from "../../core/once.ts";
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
  if (full === "HEAD") return refs.head?.target ?? full;
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
  const sorted = once(() => sortedByName(commands));
  const { namespace, refs } = place;
  for (const command of commands) {
    if (command.error !== undefined) continue;
    const full = namespace + command.name as RefName;
    const target = finalName(place, command.name);
    if (target === full) {
      // A circle is its own end.
      if (refs.unborn?.(full) !== full) continue;
      await band.say(
        errorLine(`refusing update to broken symref '${command.name}'`),
      );
      command.isSkipped = true;
      command.error = "broken symref";
      continue;
    }
    if (!target.startsWith(namespace)) continue;
    const other = findByName(sorted(), target.slice(namespace.length));
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

function sortedByName(commands: readonly Command[]): readonly Command[] {
  return [...commands].sort((a, b) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : 0
  );
}

/**
 * The command of a name: of several, the one that git comes upon
 * (string-list.c: get_entry_index).
 */
function findByName(
  sorted: readonly Command[],
  name: string,
): Command | undefined {
  let [left, right] = [-1, sorted.length];
  while (left + 1 < right) {
    const middle = left + Math.floor((right - left) / 2);
    const command = sorted[middle] as Command;
    if (command.name === name) return command;
    if (name < command.name) right = middle;
    else left = middle;
  }
  return undefined;
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
