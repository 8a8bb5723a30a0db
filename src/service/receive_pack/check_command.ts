/**
 * What keeps one command from being carried out, and what is said of it, in
 * git's order and words.
 *
 * builtin/receive-pack.c: update.
 *
 * @module
 */

import type { RefName } from "../../core/ref_name.ts";
import { COMMIT } from "../../object/kind.ts";
import type { RefUpdate } from "../../storage/writes.ts";
import { finalName, type RefPlace } from "./aliases.ts";
import { errorLine, warningLine } from "./band.ts";
import { type Command, isFunnyName } from "./commands.ts";
import type { ReceiveSettings } from "./settings.ts";
import { CURRENT_BRANCH_ADVICE, DELETE_CURRENT_ADVICE } from "./words.ts";

/** The repository as a command meets it. */
export interface CommandGround extends RefPlace {
  /** What configuration says. */
  readonly settings: ReceiveSettings;
  /** What work trees have checked out, in none of the namespaces. */
  readonly checkedOut: ReadonlySet<RefName>;
  /** What HEAD names, as it is stored. */
  readonly head: RefName | undefined;
}

/** What is said of a command, and why it is refused. */
export interface Verdict {
  /** Lines for the client; a binary string. */
  readonly text: string;
  /** Why it is refused. */
  readonly error?: string;
}

const isBranch = (name: string): boolean => name.startsWith("refs/heads/");

/** Everything that comes before the hook `update`. */
export function checkCommand(
  command: Command,
  ground: CommandGround,
): Verdict {
  const { name } = command;
  const { settings } = ground;
  if (isFunnyName(name)) {
    return {
      text: errorLine(`refusing to create funny ref '${name}' remotely`),
      error: "funny refname",
    };
  }
  let text = "";
  const isCheckedOut = ground.checkedOut.has(name);
  if (isCheckedOut) {
    const verdict = checkedOutVerdict(name, settings);
    if (verdict.error !== undefined) return verdict;
    text += verdict.text;
  }
  if (!command.isDelete && command.kind === undefined) {
    return { text, error: "bad pack" };
  }
  if (command.isDelete && !command.isCreate) {
    const { head, namespace } = ground;
    const isCurrent = isCheckedOut || head === namespace + name;
    const verdict = deletionVerdict(name, settings, { isCurrent });
    text += verdict.text;
    if (verdict.error !== undefined) return { ...verdict, text };
  }
  if (
    settings.denyNonFastForwards && isBranch(name) &&
    (command.advance === "no-commits" || command.advance === "rewritten")
  ) {
    if (command.advance === "no-commits") return { text, error: "bad ref" };
    const why = `denying non-fast-forward ${name} (you should pull first)`;
    return { text: text + errorLine(why), error: "non-fast-forward" };
  }
  return { text };
}

function checkedOutVerdict(name: string, settings: ReceiveSettings): Verdict {
  switch (settings.denyCurrentBranch) {
    case "ignore":
      return { text: "" };
    case "warn":
      return { text: warningLine("updating the current branch") };
    default: {
      const advice = settings.denyCurrentBranch === "unconfigured"
        ? errorLine(CURRENT_BRANCH_ADVICE)
        : settings.denyCurrentBranch === "updateinstead"
        ? errorLine("denyCurrentBranch = updateInstead is not supported")
        : "";
      return {
        text: errorLine(`refusing to update checked out branch: ${name}`) +
          advice,
        error: "branch is currently checked out",
      };
    }
  }
}

function deletionVerdict(
  name: string,
  settings: ReceiveSettings,
  { isCurrent }: { readonly isCurrent: boolean },
): Verdict {
  if (settings.denyDeletes && isBranch(name)) {
    return {
      text: errorLine(`denying ref deletion for ${name}`),
      error: "deletion prohibited",
    };
  }
  if (!isCurrent || settings.denyDeleteCurrent === "ignore") {
    return { text: "" };
  }
  if (settings.denyDeleteCurrent === "warn") {
    return { text: warningLine("deleting the current branch") };
  }
  const advice = settings.denyDeleteCurrent === "unconfigured"
    ? errorLine(DELETE_CURRENT_ADVICE)
    : "";
  return {
    text: advice +
      errorLine(`refusing to delete the current branch: ${name}`),
    error: "deletion of the current branch prohibited",
  };
}

/** A command as a change of a ref, or why it can be none. */
export interface PlannedUpdate {
  /** Lines for the client; a binary string. */
  readonly text: string;
  /** The change. */
  readonly update: RefUpdate;
  /** The ref that changes in the end, through symrefs. */
  readonly target: RefName;
  /** What the ref's store would say, if that knew objects. */
  readonly fault?: string;
}

/**
 * What comes behind the hook `update`: the change that is asked of the store.
 * `exists` tells of refs as the commands before have left them.
 */
export function planUpdate(
  command: Command,
  place: RefPlace,
  exists: (name: RefName) => boolean,
): PlannedUpdate {
  const name = place.namespace + command.name as RefName;
  const target = finalName(place, command.name);
  if (!command.isDelete) {
    const update = { name, old: command.old, new: command.new };
    // refs/files-backend.c: write_ref_to_lockfile.
    const isWrong = isBranch(target) && command.kind !== COMMIT &&
      command.old !== command.new;
    return isWrong
      ? {
        ...{ text: "", update, target },
        fault: `cannot update ref '${target}': trying to write non-commit ` +
          `object ${command.new} to branch '${target}'`,
      }
      : { text: "", update, target };
  }
  if (command.hasOld) {
    return {
      ...{ text: "", target },
      update: { name, old: command.old, new: command.new },
    };
  }
  // Whatever it is, it goes.
  const update = { name, new: command.new };
  if (exists(name)) {
    const text = warningLine("allowing deletion of corrupt ref");
    return { text, update, target };
  }
  command.didNotExist = true;
  return {
    text: warningLine("deleting a non-existent ref"),
    update,
    target,
  };
}
