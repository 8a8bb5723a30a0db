/**
 * What has to be known of the objects of a push before it is shown to anybody:
 * whether it is whole, of which kinds its tips are, what it rewrites.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import {
  findIncomplete,
  findReached,
  type KnownTips,
} from "../../graph/connectivity.ts";
import { isAncestor } from "../../graph/reach.ts";
import { ObjectSet } from "../../core/object_set.ts";
import { COMMIT } from "../../object/kind.ts";
import type { ObjectGraph, Snapshot } from "../../storage/types.ts";
import type { Pacer } from "../pacer.ts";
import type { Band } from "./band.ts";
import type { Command } from "./commands.ts";
import type { ReceiveSettings } from "./settings.ts";
import { type ClientRoots, rootsByCommand } from "./shallow_push.ts";

/** What facts are looked up in. */
export interface FactsInit {
  /** The commands. */
  readonly commands: readonly Command[];
  /** The repository with what was pushed. */
  readonly after: Snapshot;
  /** What alternates' refs name. */
  readonly borrowed: readonly Oid[];
  /** The client's roots. */
  readonly roots: ClientRoots;
  /** What configuration says. */
  readonly settings: ReceiveSettings;
  /** Who hears of it. */
  readonly band: Band;
  /** The session's share of the processor. */
  readonly pacer: Pacer;
}

/** What {@linkcode findReused} looks in. */
export interface ReachedInit
  extends Pick<FactsInit, "commands" | "borrowed" | "pacer"> {
  /** The refs as they were, and the objects as they are. */
  readonly after: Pick<Snapshot, "refs" | "objects" | "shallow">;
}

/** Looks at roots, connections, kinds and history, in git's order. */
export async function findFacts(init: FactsInit): Promise<void> {
  const { commands, after, pacer, band } = init;
  await band.during(
    (async () => {
      await findRoots(init);
      await checkConnected(init);
      await pacer.drive(lookUp(commands, after, init.settings));
    })(),
  );
}

/** builtin/receive-pack.c: update_shallow_info. */
async function findRoots(init: FactsInit): Promise<void> {
  const { commands, after, roots, settings, pacer } = init;
  if (roots.ours.length === 0 && roots.theirs.length === 0) return;
  const found = await pacer.drive(rootsByCommand(commands, {
    after,
    roots,
    tips: tipsOf(after),
  }));
  for (const [command, oids] of found) {
    if (settings.shallowUpdate) {
      command.roots = oids;
    } else {
      command.error = "shallow update not allowed";
      command.isSkipped = true;
    }
  }
}

/** builtin/receive-pack.c: execute_commands, set_connectivity_errors. */
async function checkConnected(init: FactsInit): Promise<void> {
  const { commands, after, band, pacer } = init;
  const graph = after.objects;
  const pushed = commands.filter((command) => !command.isDelete);
  const direct = pushed.filter(({ roots }) => roots.length === 0);
  const known = knownTips(init);
  const ask = async (
    tips: readonly Command[],
    shallow: readonly Oid[],
  ): Promise<ReadonlySet<Oid>> =>
    await pacer.drive(findIncomplete(graph, {
      tips: tips.map((command) => command.new),
      known,
      shallow,
    }));
  const open = direct.filter(({ isSkipped }) => !isSkipped);
  let lacking = await ask(open, after.shallow);
  if (lacking.size > 0) {
    const missing = open.find((command) => graph.find(command.new) < 0);
    if (missing !== undefined) {
      await band.say(`fatal: bad object ${missing.new}\n`);
    }
    if (open.length < direct.length) lacking = await ask(direct, after.shallow);
    for (const command of direct) {
      if (lacking.has(command.new)) {
        command.error = "missing necessary objects";
      }
    }
  }
  const rooted = pushed.filter(({ roots }) => roots.length > 0);
  if (rooted.length === 0) return;
  const roots = rooted.flatMap((command) => command.roots);
  const torn = await ask(rooted, [...after.shallow, ...roots]);
  for (const command of rooted) {
    command.isWholeWithRoots = !torn.has(command.new);
  }
}

/**
 * What the push needs and did not bring, though no ref reaches it; it did
 * bring what `isBrought` says. At most `limit` ids.
 */
export async function findReused(
  init: ReachedInit,
  isBrought: (oid: Oid) => boolean,
  limit: number,
): Promise<readonly Oid[]> {
  const { commands, after, pacer } = init;
  const open = commands.filter((each) => each.isOpen && !each.isDelete);
  return await pacer.drive(findReached(
    after.objects,
    {
      tips: open.map((command) => command.new),
      known: knownTips(init),
      shallow: [...after.shallow, ...open.flatMap(({ roots }) => roots)],
    },
    (oid) => !isBrought(oid),
    limit,
  ));
}

function knownTips(
  { commands, after, borrowed }: Omit<ReachedInit, "pacer">,
): KnownTips {
  const { refs, objects } = after;
  // What a client only says is there may be the very thing that is missing.
  const likely = commands.flatMap((command) => {
    const { oid } = refs.get(command.name) ?? {};
    return oid === undefined ? [] : [oid];
  });
  const head = refs.head?.oid;
  if (head !== undefined && objects.find(head) >= 0) likely.push(head);
  return {
    likely,
    count: refs.size + borrowed.length + 1,
    *all() {
      yield* tipsOf(after);
      yield* borrowed;
    },
  };
}

/** What all refs name, HEAD too. */
function* tipsOf({ refs }: Pick<Snapshot, "refs">): Generator<Oid, void, void> {
  if (refs.head?.oid !== undefined) yield refs.head.oid;
  for (const { oid } of refs.list("refs/")) yield oid;
}

/** Commands between two looks at the clock. */
const COMMANDS_PER_STEP = 256;

function* lookUp(
  commands: readonly Command[],
  { objects, shallow }: Snapshot,
  settings: ReceiveSettings,
): Generator<number, void, void> {
  const cut = new ObjectSet(1);
  for (const oid of shallow) cut.add(objects.intern(oid));
  let count = 0;
  for (const command of commands) {
    if (++count % COMMANDS_PER_STEP === 0) yield count;
    try {
      yield* lookUpOne(command, objects, settings, cut);
    } catch (error) {
      // It was there when that was checked: somebody has pruned meanwhile.
      const isGone = error instanceof StorageError &&
        error.code === "missing-object";
      if (!isGone) throw error;
      command.error ??= "missing necessary objects";
    }
  }
}

function* lookUpOne(
  command: Command,
  objects: ObjectGraph,
  settings: ReceiveSettings,
  cut: ObjectSet,
): Generator<number, void, void> {
  command.hasOld = !command.isCreate && objects.find(command.old) >= 0;
  if (command.isDelete) return;
  const number = objects.find(command.new);
  if (number < 0) return;
  command.kind = objects.kind(number);
  const isAsked = settings.denyNonFastForwards && !command.isCreate &&
    command.error === undefined && command.name.startsWith("refs/heads/");
  if (!isAsked) return;
  const old = objects.find(command.old);
  if (!isCommit(objects, number) || !isCommit(objects, old)) {
    command.advance = "no-commits";
  } else {
    const isForward = yield* isAncestor(objects, old, number, cut);
    command.advance = isForward ? "forward" : "rewritten";
  }
}

function isCommit(graph: ObjectGraph, number: number): boolean {
  return number >= 0 && graph.kind(number) === COMMIT;
}
