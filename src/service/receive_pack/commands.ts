/**
 * One command of a push on its way to being carried out, and what was found
 * out about its objects.
 *
 * @module
 */

import { isZeroOid, type Oid } from "../../core/oid.ts";
import { parseRefName, type RefName } from "../../core/ref_name.ts";
import type { Kind } from "../../object/kind.ts";
import type { ReceiveCommand } from "../../wire/receive_request.ts";
import type { PushedRef } from "./push_hooks.ts";

/** A command. Its state is for the steps of receive-pack alone. */
export class Command {
  /** The name as the client sent it; hooks and the report have it so. */
  readonly name: RefName;
  /** What it must be. */
  readonly old: Oid;
  /** What it is to be. */
  readonly new: Oid;
  /** Why it is not carried out, in git's words. */
  error: string | undefined;
  /** Nothing is left to do for it. */
  isSkipped = false;
  /** It took away what was not there: no hook hears of it afterwards. */
  didNotExist = false;
  /** `receive.procReceiveRefs` gives it to a hook, which does not run here. */
  isForProcReceive = false;
  /** Roots that it would add to the repository's: see `shallow_push.ts`. */
  roots: readonly Oid[] = [];
  /** Whether it is whole once they are added. */
  isWholeWithRoots = true;
  /** The kind of `new`; `undefined` where that is not here. */
  kind: Kind | undefined;
  /** Whether the object `old` is here. */
  hasOld = false;
  /** Whether `new` has `old` in its history; where that was asked. */
  advance: "forward" | "rewritten" | "no-commits" | undefined;

  /** A command as it was read. */
  constructor(command: ReceiveCommand) {
    this.name = command.name as RefName;
    this.old = command.old;
    this.new = command.new;
  }

  /** Whether it takes the ref away. */
  get isDelete(): boolean {
    return isZeroOid(this.new);
  }

  /** Whether it makes the ref. */
  get isCreate(): boolean {
    return isZeroOid(this.old);
  }

  /** Whether it is still to be carried out. */
  get isOpen(): boolean {
    return this.error === undefined && !this.isSkipped;
  }

  /** As hooks are told of it. */
  get pushed(): PushedRef {
    return { name: this.name, old: this.old, new: this.new };
  }
}

/** Whether a push may name such a ref (builtin/receive-pack.c: update). */
export function isFunnyName(name: string): boolean {
  // check_refname_format(name + 5, 0): two components at least.
  const rest = name.slice(5);
  return !name.startsWith("refs/") || !rest.includes("/") ||
    parseRefName(rest) === undefined;
}

/** Gives every command without an error this one. */
export function failAll(commands: readonly Command[], error: string): void {
  for (const command of commands) command.error ??= error;
}
