/**
 * The pack of a push: taken into the quarantine, or refused with what the
 * report's first line says of it.
 *
 * @module
 */

import { printable, readUint32, utf8ToBinary } from "../../core/bytes.ts";
import { messageOf, StorageError } from "../../core/errors.ts";
import { ObjectSet } from "../../core/object_set.ts";
import type { Oid } from "../../core/oid.ts";
import { checkLinks } from "../../graph/links.ts";
import { FsckRefusal } from "../../object/fsck/refusal.ts";
import type { FsckRules } from "../../object/fsck/rules.ts";
import type {
  PendingChecks,
  Quarantine,
  RepositoryWriter,
} from "../../storage/writes.ts";
import { isForPeer } from "../failure.ts";
import type { Pacer } from "../pacer.ts";
import type { ServiceContext } from "../types.ts";
import type { Band } from "./band.ts";
import type { PackSource } from "./pack_source.ts";
import { IntakeTeller } from "./progress.ts";
import { arrivingLimits } from "./push_limits.ts";
import type { ReceiveSettings } from "./settings.ts";

const HEADER_BYTES = 12;
const SIGNATURE = 0x5041434b;

/** What taking a pack in needs. */
export interface UnpackInit {
  /** The session. */
  readonly context: ServiceContext;
  /** What configuration says. */
  readonly settings: ReceiveSettings;
  /** Where the pack comes from. */
  readonly source: PackSource;
  /** Where it goes. */
  readonly writer: RepositoryWriter;
  /** Who hears of it. */
  readonly band: Band;
  /** The session's share of the processor. */
  readonly pacer: Pacer;
  /** Whether progress is shown. */
  readonly isQuiet: boolean;
  /** What the pack's `.keep` says. */
  readonly keep: string;
  /** Who may look into the quarantine. */
  readonly seenBy: "programs" | "nobody";
  /** Commits of which the client has no parents, if any of them matters. */
  readonly roots: readonly Oid[];
  /** Checks of every object, if any; throws a RefusedError for bad settings. */
  fsck(): FsckRules | undefined;
}

/** A pack that is in, or why it is not: what follows "unpack ". */
export type Unpacked =
  | { readonly type: "taken"; readonly quarantine: Quarantine }
  | { readonly type: "refused"; readonly status: string };

/**
 * Takes the pack in. Rejects where the session was ended, and for bugs; the
 * quarantine is then gone (builtin/receive-pack.c: unpack).
 */
export async function unpack(init: UnpackInit): Promise<Unpacked> {
  const { context, settings, source, band, writer } = init;
  const head = await source.peek(HEADER_BYTES);
  const fault = headerFault(head);
  if (fault !== undefined) return { type: "refused", status: fault };
  const count = readUint32(head, 8);
  const isSmall = count < settings.unpackLimit;
  let quarantine: Quarantine;
  try {
    quarantine = await writer.openQuarantine({ seenBy: init.seenBy });
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    noteFault(context, "Cannot open a quarantine", error);
    return {
      type: "refused",
      status: "unable to create temporary object directory",
    };
  }
  const teller = init.isQuiet || !band.hasBands ? undefined : new IntakeTeller(
    context.clock,
    (text) => band.say(text),
    { isSmall },
  );
  try {
    const fsck = init.fsck();
    const received = await band.during(quarantine.receive(source, {
      limits: arrivingLimits(settings, () => source.count),
      unpackLimit: settings.unpackLimit,
      keep: init.keep,
      signal: context.signal,
      ...(fsck === undefined ? {} : { fsck }),
      ...(teller === undefined
        ? {}
        : { onProgress: (progress) => teller.update(progress) }),
    }));
    context.connection.hold?.();
    if (received.checks !== undefined) {
      await finishChecks(received.checks, quarantine, init);
    }
    await teller?.finish(received);
    return { type: "taken", quarantine };
  } catch (error) {
    await quarantine[Symbol.asyncDispose]();
    context.signal.throwIfAborted();
    // The client has left, or this is a bug of ours.
    const isOurs = error instanceof StorageError;
    if (!isOurs && (!isForPeer(error) || isHungUp(error))) throw error;
    if (isOurs) noteFault(context, "Cannot take a pack in", error);
    const words = isOurs ? faultWords(error) : refusalWords(error, isSmall);
    if (error instanceof FsckRefusal) await sayLines(band, error.lines);
    await band.say(`fatal: ${oneLine(words)}\n`);
    const program = isSmall ? "unpack-objects" : "index-pack";
    return { type: "refused", status: `${program} abnormal exit` };
  }
}

/**
 * Looks whether everything that the pack's objects name is here, then at what
 * was left to look at, and tells of all that was found to be no error.
 */
async function finishChecks(
  { ids, kinds, as, checker }: PendingChecks,
  quarantine: Quarantine,
  { band, pacer, roots }: UnpackInit,
): Promise<void> {
  using after = await quarantine.snapshot();
  const { objects } = after;
  const cut = new ObjectSet(1);
  for (const oid of [...after.shallow, ...roots]) cut.add(objects.intern(oid));
  try {
    await band.during(pacer.drive(checkLinks(objects, {
      ...{ count: kinds.length, ids, kinds, cut, as },
    })));
    const read = (oid: Oid) => {
      const number = objects.find(oid);
      return number < 0 ? undefined : objects.read(number);
    };
    checker.finish({ read, as });
  } catch (error) {
    if (!(error instanceof FsckRefusal)) throw error;
    throw new FsckRefusal(error.message, checker.lines);
  }
  await sayLines(band, checker.lines);
}

async function sayLines(band: Band, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await band.say(`${lines.join("\n")}\n`);
}

/** builtin/receive-pack.c: parse_pack_header. */
function headerFault(head: Uint8Array): string | undefined {
  if (head.length < HEADER_BYTES) {
    return "eof before pack header was fully read";
  }
  if (readUint32(head, 0) !== SIGNATURE) {
    return "protocol error (pack signature mismatch detected)";
  }
  const version = readUint32(head, 4);
  return version === 2 || version === 3
    ? undefined
    : "protocol error (pack version unsupported)";
}

/** unpack-objects counts no deltas. */
function refusalWords(error: unknown, isSmall: boolean): string {
  const { code } = error as { readonly code?: unknown };
  return isSmall && code === "unresolved-deltas"
    ? "unresolved deltas left after unpacking"
    : messageOf(error);
}

function isHungUp(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === "disconnected" || code === "hung-up";
}

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: "No space left on device",
  EDQUOT: "Disk quota exceeded",
  EROFS: "Read-only file system",
  EIO: "Input/output error",
  EACCES: "Permission denied",
  EPERM: "Operation not permitted",
  EMFILE: "Too many open files",
  ENFILE: "Too many open files in system",
};

/** What a client may know of a fault of ours: its kind, and no path. */
function faultWords({ code }: StorageError): string {
  const words = WORDS[code];
  return words === undefined ? "internal error" : `write error: ${words}`;
}

/** The log has what the client is not told. */
export function noteFault(
  { logger }: Pick<ServiceContext, "logger">,
  what: string,
  error: unknown,
): void {
  logger.log("error", `${what}: ${printable(messageOf(error), 1000)}`);
}

function oneLine(text: string): string {
  return utf8ToBinary(text).replace(/\n+$/, "");
}
