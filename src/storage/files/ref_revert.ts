/**
 * The way back, where the disk fails in the middle of a commit: each change
 * that others may have seen is undone under its lock, if it still stands.
 *
 * @module
 */

import { fromBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import { isZeroOid, type Oid } from "../../core/oid.ts";
import type { WritableFiles } from "../../core/write_files.ts";
import { takeLock } from "./lock_file.ts";
import { rewritePackedRefs } from "./packed_refs_writer.ts";
import type { RefEnvironment, RefStep } from "./ref_transaction.ts";

/**
 * Undoes what is done of `steps`, whose locks were let go. What cannot be
 * undone stays marked as done.
 */
export async function revertSteps(
  steps: readonly RefStep[],
  environment: RefEnvironment,
  terms: { readonly files: WritableFiles },
): Promise<void> {
  const done = steps.filter(({ isDone }) => isDone);
  if (done.length === 0) return;
  environment.packed.forget();
  for (const step of done.filter(({ isPacked }) => !isPacked)) {
    await quietly(() => revertLoose(step, environment, terms.files));
  }
  const packed = done.filter(({ isPacked }) => isPacked);
  if (packed.length > 0) await quietly(() => revertPacked(packed, environment));
}

async function revertLoose(
  step: RefStep,
  environment: RefEnvironment,
  files: WritableFiles,
): Promise<void> {
  const { places, packed, refLock, sync } = environment;
  const { name, previous, new: value } = step.change;
  const path = places.path(name);
  if (!isZeroOid(previous)) places.makeParents(path);
  const lock = await takeLock(path, withoutSignal(refLock));
  try {
    const loose = places.read(name);
    const now = loose.kind === "value" && "oid" in loose.value
      ? loose.value.oid
      : packed.now().refs.get(name)?.oid;
    const [before, expected] = [previous, value]
      .map((oid) => isZeroOid(oid) ? undefined : oid);
    // Somebody may have built on it, and it may never have come to pass.
    if (now !== expected && now !== before) return;
    if (now === before) {
      step.isDone = false;
      return;
    }
    if (before === undefined) files.unlink(path);
    else {
      lock.write(fromBinary(`${previous}\n`));
      if (sync.content) await lock.sync();
      lock.commit();
    }
    step.isDone = false;
  } finally {
    lock.release();
  }
  if (isZeroOid(previous)) places.removeEmptyParents(name, "ref");
}

async function revertPacked(
  steps: readonly RefStep[],
  { packed, packedLock, format, peel, sync }: RefEnvironment,
): Promise<void> {
  const { path } = packed;
  const lock = await takeLock(path, withoutSignal(packedLock));
  try {
    packed.forget();
    const old = packed.now();
    const changes = new Map<string, Oid | undefined>();
    for (const { change } of steps) {
      if (old.refs.get(change.name)?.oid !== change.new) continue;
      changes.set(change.name, undefined);
    }
    const { journal } = packedLock;
    const terms = { format, journal, peel };
    const rewrite = rewritePackedRefs(path, old, changes, terms);
    try {
      if (sync.content) await rewrite.sync();
      rewrite.commit();
    } finally {
      rewrite.release();
    }
    for (const step of steps) step.isDone = false;
  } finally {
    packed.forget();
    lock.release();
  }
}

/** A session that ends must not leave half of its changes. */
function withoutSignal<T extends { readonly signal?: unknown }>(terms: T): T {
  return { ...terms, signal: undefined };
}

async function quietly(call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
  }
}
