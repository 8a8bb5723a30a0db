/**
 * Which commands `receive.procReceiveRefs` gives to the hook `proc-receive`.
 * That hook is not run here: such commands are refused.
 *
 * builtin/receive-pack.c: proc_receive_ref_append, proc_receive_ref_matches.
 *
 * @module
 */

import type { Command } from "./commands.ts";

interface Pattern {
  readonly prefix: string;
  readonly kinds: string;
}

/** Tells whether a command is the hook's. */
export function procReceiveMatcher(
  values: readonly string[],
): (command: Command) => boolean {
  const patterns = values.map(parsePattern);
  return (command) =>
    patterns.some(({ prefix, kinds }) => {
      if (!kinds.includes(kindOf(command))) return false;
      const { name } = command;
      const isBelow = name.startsWith(prefix) &&
        (name.length === prefix.length || name[prefix.length] === "/");
      return isBelow !== kinds.includes("!");
    });
}

function kindOf(command: Command): "a" | "d" | "m" {
  if (command.isCreate) return "a";
  return command.isDelete ? "d" : "m";
}

function parsePattern(value: string): Pattern {
  const colon = value.indexOf(":");
  const kinds = colon < 0 ? "adm" : value.slice(0, colon);
  return { prefix: value.slice(colon + 1).replace(/\/+$/, ""), kinds };
}
