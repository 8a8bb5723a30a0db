/**
 * Carrying the commands of a push out: each by itself, or all in one
 * transaction.
 *
 * builtin/receive-pack.c: execute_commands_non_atomic and its sibling.
 *
 * @module
 */

import type {
  RefFailure,
  RefTransactionOptions,
  RefUpdate,
  RepositoryWriter,
} from "../../storage/writes.ts";
import type { RefName } from "../../core/ref_name.ts";
import type { ServiceContext } from "../types.ts";
import { finalName } from "./aliases.ts";
import { type Band, errorLine } from "./band.ts";
import {
  checkCommand,
  type CommandGround,
  planUpdate,
} from "./check_command.ts";
import { type Command, failAll } from "./commands.ts";
import type { PushHooks } from "./push_hooks.ts";
import { noteFault } from "./unpack.ts";

/** What carrying out needs. */
export interface ExecuteInit {
  /** The session. */
  readonly context: ServiceContext;
  /** The commands, those with errors too. */
  readonly commands: readonly Command[];
  /** What they meet. */
  readonly ground: CommandGround;
  /** What changes refs. */
  readonly writer: RepositoryWriter;
  /** Who hears of it. */
  readonly band: Band;
  /** Who may say no. */
  readonly hooks: PushHooks | undefined;
  /** Who reflogs name. */
  readonly committer: string;
  /**
   * Whether the objects are there to stay: asked before refs change, and when
   * they have.
   */
  secure(): Promise<boolean>;
}

/** Carries out what is open. Errors of commands end up in them. */
export async function executeEach(init: ExecuteInit): Promise<void> {
  const { commands, hooks } = init;
  // Hooks may look at what the command before has done.
  const isWatched = hooks?.update !== undefined || hooks?.observe !== undefined;
  const batch = new Batch(init);
  for (const command of commands) {
    if (!isToBeDone(command)) continue;
    const verdict = checkCommand(command, init.ground);
    if (verdict.error !== undefined) {
      batch.refuse(command, verdict.text, verdict.error);
      if (isWatched) await batch.flush();
      continue;
    }
    if (isWatched) {
      await init.band.say(verdict.text);
      const error = await afterHook(command, init);
      if (error !== undefined) {
        batch.refuse(command, error.text, error.error);
        await batch.flush();
        continue;
      }
    }
    const error = await addRoots(command, init);
    if (error !== undefined) {
      batch.refuse(command, isWatched ? "" : verdict.text, error);
      continue;
    }
    const exists = (name: RefName): boolean => batch.exists(name);
    const isAsked = command.isDelete && !command.hasOld;
    const name = init.ground.namespace + command.name as RefName;
    if (isAsked && batch.clashes(name)) await batch.flush();
    const plan = planUpdate(command, init.ground, exists);
    const said = (isWatched ? "" : verdict.text) + plan.text;
    if (batch.clashes(plan.target)) await batch.flush();
    if (plan.fault !== undefined) {
      await batch.flush();
      const fault = await faultOf(init, [plan.update], plan.fault, "each");
      batch.refuse(command, said + errorLine(fault), FAILED);
      continue;
    }
    batch.add(command, said, plan.update, plan.target);
    if (isWatched) await batch.flush();
  }
  await batch.flush();
}

/** Carries out all that is open, or nothing. */
export async function executeAtomic(init: ExecuteInit): Promise<void> {
  const { commands, band, hooks } = init;
  const updates: RefUpdate[] = [];
  const targets = new Set<string>();
  const doubles: string[] = [];
  let fault: string | undefined;
  for (const command of commands) {
    if (!isToBeDone(command)) continue;
    const verdict = checkCommand(command, init.ground);
    await band.say(verdict.text);
    command.error = verdict.error;
    if (command.error === undefined && hooks?.update !== undefined) {
      const declined = await afterHook(command, init);
      if (declined !== undefined) {
        await band.say(declined.text);
        command.error = declined.error;
      }
    }
    command.error ??= await addRoots(command, init);
    if (command.error !== undefined) {
      return failAll(commands, "atomic push failure");
    }
    const { refs } = init.ground;
    const exists = (name: RefName): boolean => refs.get(name) !== undefined;
    const plan = planUpdate(command, init.ground, exists);
    await band.say(plan.text);
    fault ??= plan.fault;
    if (targets.has(plan.target)) {
      doubles.push(doubleUpdate(plan.update.name, plan.target));
    }
    targets.add(plan.target);
    updates.push(plan.update);
  }
  // refs.c: they are looked at in the order of their names.
  const double = doubles.sort()[0];
  if (double !== undefined) fault = double;
  else if (fault !== undefined) {
    fault = await faultOf(init, updates, fault, "all");
  } else if (updates.length > 0) {
    fault = firstFailure(await apply(init, updates, "all"))?.message;
  }
  if (fault === undefined) return;
  await band.say(errorLine(fault));
  failAll(commands, "atomic transaction failed");
}

/** Why a command fails whose objects cannot be made to stay. */
export const NOT_MIGRATED = "unable to migrate objects to permanent storage";

const FAILED = "failed to update ref";
const MAY_GO_ON = false;

/** The failure that made the others. */
function firstFailure(
  failures: readonly (RefFailure | undefined)[],
): RefFailure | undefined {
  return failures.find((each) =>
    each !== undefined && each.code !== "aborted"
  ) ?? failures.find((each) => each !== undefined);
}

/**
 * What keeps refs from changing that may not: what their store has against it,
 * whose words come first, or else `fault`. Nothing changes.
 */
async function faultOf(
  { writer, context, committer }: ExecuteInit,
  updates: readonly RefUpdate[],
  fault: string,
  which: "all" | "each",
): Promise<string> {
  const failures = await writer.refs.apply(updates, {
    atomic: which === "all",
    committer,
    message: "push",
    signal: context.signal,
    observe: () => Promise.resolve(MAY_GO_ON),
  });
  const failure = firstFailure(failures);
  return failure === undefined || failure.code === "aborted"
    ? fault
    : failure.message;
}

function isToBeDone(command: Command): boolean {
  return command.isOpen && !command.isForProcReceive;
}

function doubleUpdate(name: string, target: string): string {
  return name === target
    ? `multiple updates for ref '${target}' not allowed`
    : `multiple updates for '${target}' (including one via symref ` +
      `'${name}') are not allowed`;
}

/** What the hook `update` says against a command. */
async function afterHook(
  command: Command,
  { hooks, band, context }: ExecuteInit,
): Promise<{ readonly text: string; readonly error: string } | undefined> {
  if (hooks?.update === undefined) return undefined;
  let isAllowed = false;
  try {
    isAllowed = await band.during(
      hooks.update(command.pushed, (bytes) => band.say(bytes)),
    );
  } catch (error) {
    context.signal.throwIfAborted();
    noteFault(context, "Cannot run the hook update", error);
  }
  if (isAllowed) return undefined;
  return {
    text: errorLine(`hook declined to update ${command.name}`),
    error: "hook declined",
  };
}

/** builtin/receive-pack.c: update_shallow_ref. */
async function addRoots(
  command: Command,
  { writer, context }: ExecuteInit,
): Promise<string | undefined> {
  if (command.roots.length === 0 || command.isDelete) return undefined;
  if (!command.isWholeWithRoots || writer.addShallow === undefined) {
    return "shallow error";
  }
  try {
    await writer.addShallow(command.roots);
    return undefined;
  } catch (error) {
    context.signal.throwIfAborted();
    noteFault(context, "Cannot add roots of a shallow push", error);
    return "shallow error";
  }
}

async function apply(
  init: ExecuteInit,
  updates: readonly RefUpdate[],
  which: "all" | "each",
): Promise<readonly (RefFailure | undefined)[]> {
  const { writer, context, hooks, band, committer } = init;
  const failure = { code: "failed", message: NOT_MIGRATED } as const;
  if (!await init.secure()) return updates.map(() => failure);
  const observe = hooks?.observe?.((bytes) => band.say(bytes));
  const options: RefTransactionOptions = {
    atomic: which === "all",
    committer,
    message: "push",
    signal: context.signal,
    secure: () => init.secure(),
    ...(observe === undefined ? {} : { observe }),
  };
  const failures = await band.during(writer.refs.apply(updates, options));
  // Nobody is told of a ref whose objects went while it changed.
  return await init.secure()
    ? failures
    : failures.map((each) => each ?? failure);
}

interface Entry {
  readonly command: Command;
  readonly text: string;
  readonly update?: RefUpdate;
}

/** Commands that are carried out in one call, with what is said of each. */
class Batch {
  readonly #init: ExecuteInit;
  #entries: Entry[] = [];
  readonly #names = new Set<string>();
  readonly #directories = new Set<string>();
  /** Refs that have changed: whether they are there now. */
  readonly #changed = new Map<RefName, boolean>();

  constructor(init: ExecuteInit) {
    this.#init = init;
  }

  /** Notes a command that is not carried out. */
  refuse(command: Command, text: string, error: string): void {
    command.error = error;
    this.#entries.push({ command, text });
  }

  /** Adds one that is. */
  add(
    command: Command,
    text: string,
    update: RefUpdate,
    target: string,
  ): void {
    this.#entries.push({ command, text, update });
    for (const name of new Set([update.name as string, target])) {
      this.#names.add(name);
      for (const directory of directoriesOf(name)) {
        this.#directories.add(directory);
      }
    }
  }

  /** Whether a ref is there, as what was carried out so far has left it. */
  exists(name: RefName): boolean {
    return this.#changed.get(name) ??
      this.#init.ground.refs.get(name) !== undefined;
  }

  /** Whether a ref can only change once those before it have. */
  clashes(name: string): boolean {
    if (this.#names.has(name) || this.#directories.has(name)) return true;
    for (const directory of directoriesOf(name)) {
      if (this.#names.has(directory)) return true;
    }
    return false;
  }

  /** Carries all of it out, and says what is to be said, in order. */
  async flush(): Promise<void> {
    const entries = this.#entries;
    this.#entries = [];
    this.#names.clear();
    this.#directories.clear();
    const updates = entries.flatMap(({ update }) =>
      update === undefined ? [] : [update]
    );
    const failures = updates.length === 0
      ? []
      : await apply(this.#init, updates, "each");
    let text = "";
    let at = 0;
    for (const entry of entries) {
      text += entry.text;
      if (entry.update === undefined) continue;
      const failure = failures[at++];
      if (failure === undefined) {
        this.#note(entry.update, entry.command);
        continue;
      }
      text += errorLine(failure.message);
      entry.command.error = FAILED;
    }
    await this.#init.band.say(text);
  }

  #note({ name }: RefUpdate, command: Command): void {
    const isThere = !command.isDelete;
    this.#changed.set(name, isThere);
    this.#changed.set(finalName(this.#init.ground, command.name), isThere);
  }
}

function* directoriesOf(name: string): Generator<string, void, void> {
  for (
    let at = name.lastIndexOf("/");
    at > 0;
    at = name.lastIndexOf("/", at - 1)
  ) yield name.slice(0, at);
}
