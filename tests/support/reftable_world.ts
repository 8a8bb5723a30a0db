/**
 * Repositories with reftables that our writer changes, and what is in them.
 *
 * @module
 */

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ObjectFormat, type Oid, SHA1 } from "../../src/core/oid.ts";
import type { Owners } from "../../src/core/owner.ts";
import type { WritableFiles } from "../../src/core/write_files.ts";
import { selectKernels } from "../../src/kernels/select.ts";
import { systemOwners } from "../../src/runtime/owner.ts";
import { NODE_WRITE_FILES } from "../../src/runtime/write_files.ts";
import { Complaints } from "../../src/storage/files/complaints.ts";
import { refSync } from "../../src/storage/files/fsync.ts";
import type { LogPolicy } from "../../src/storage/files/reflog.ts";
import { LockJournal } from "../../src/storage/files/lock_journal.ts";
import { StackAddition } from "../../src/storage/files/reftable/addition.ts";
import { findRef } from "../../src/storage/files/reftable/merged.ts";
import type { StackWriting } from "../../src/storage/files/reftable/list_lock.ts";
import { StackLogs } from "../../src/storage/files/reftable/logs.ts";
import { readReftableOptions } from "../../src/storage/files/reftable/options.ts";
import { ReftableRefWriter } from "../../src/storage/files/reftable/ref_writer.ts";
import { ReftableRefStore } from "../../src/storage/files/reftable/refs.ts";
import { PlainConfig } from "../../src/storage/memory/plain_config.ts";
import type { FsyncMode } from "../../src/storage/writes.ts";

const kernels = selectKernels();

/** How a world is made. */
export interface ReftableWorldOptions {
  /** The file system; the machine's unless told. */
  readonly files?: WritableFiles;
  /** SHA-1 unless told. */
  readonly format?: ObjectFormat;
  /** Which refs are logged; all unless told. */
  readonly logs?: LogPolicy;
  /** Keys of `reftable.*`. */
  readonly config?: Readonly<Record<string, string>>;
  /** What is synced; nothing unless told. */
  readonly fsync?: FsyncMode;
  /** The git directory of a linked worktree. */
  readonly gitDir?: string;
  /** Tells the living from the dead; the machine unless told. */
  readonly owners?: Owners;
  /** What tags peel to. */
  readonly peel?: (oid: Oid) => Oid | undefined;
  /** The kinds of objects. */
  readonly kindOf?: (oid: Oid) => string | undefined;
}

/** One repository. */
export interface ReftableWorld {
  /** Its git directory. */
  readonly path: string;
  /** Reads it. */
  readonly store: ReftableRefStore;
  /** Changes it. */
  readonly writer: ReftableRefWriter;
  /** How it is written. */
  readonly writing: StackWriting;
  /** What was warned of. */
  readonly warnings: string[];
  /** Every ref below `refs/` as it is stored. */
  refs(): Map<string, string>;
  /** The lines of a reflog, oldest first. */
  log(name: string): string[];
  /** Lets a ref stand for another. */
  setSymbolic(name: string, target: string): Promise<void>;
}

/** Makes a git directory with an empty stack; HEAD is not there yet. */
export function makeStack(path: string): void {
  mkdirSync(join(path, "reftable"), { recursive: true });
  mkdirSync(join(path, "refs"), { recursive: true });
  writeFileSync(join(path, "reftable", "tables.list"), "");
}

/** Opens what is at `path`. */
export function openWorld(
  path: string,
  options: ReftableWorldOptions = {},
): ReftableWorld {
  const { files = NODE_WRITE_FILES, format = SHA1, logs = "always" } = options;
  const warnings: string[] = [];
  const complaints = new Complaints({
    log: (_, message, fields) =>
      warnings.push(`${message} ${JSON.stringify(fields)}`),
  });
  const gitDir = options.gitDir ?? path;
  const layout = {
    path: gitDir,
    gitDir,
    commonDir: path,
    objectsDir: join(path, "objects"),
    gitfile: false,
  };
  const store = new ReftableRefStore({
    layout,
    fileSystem: files,
    format,
    complaints,
    kernels,
    now: Date.now,
  });
  const setting = { always: "always", normal: "true", none: "false" };
  const config = new PlainConfig({
    "core.logallrefupdates": setting[logs],
    ...options.config,
  });
  const { fsync = "off", owners = systemOwners(), peel, kindOf } = options;
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, ms));
  const writer = new ReftableRefWriter({
    files,
    layout,
    store,
    format,
    config,
    kernels,
    fsync,
    owners,
    pause,
    complaints,
    ...(peel === undefined ? {} : { peel }),
    ...(kindOf === undefined ? {} : { kindOf }),
  });
  const writing: StackWriting = {
    format,
    kernels,
    options: readReftableOptions(config),
    sync: refSync(fsync, config),
    journal: new LockJournal({
      files,
      root: path,
      owners,
      shared: { bits: 0, isExact: false },
    }),
    pause,
  };
  const stackOf = (name: string) =>
    name.startsWith("refs/") && !name.startsWith("refs/bisect/")
      ? store.common
      : store.worktree ?? store.common;
  return {
    path,
    store,
    writer,
    writing,
    warnings,
    refs() {
      const { tables } = store.common.read();
      const refs = new Map<string, string>();
      for (const { name } of allNames(tables)) {
        const found = findRef(tables, name);
        if (found === undefined || !name.startsWith("refs/")) continue;
        if (found === "broken") refs.set(name, "broken");
        else if ("symref" in found) refs.set(name, `ref: ${found.symref}`);
        else refs.set(name, found.oid);
      }
      return refs;
    },
    log(name) {
      const { tables } = stackOf(name).read();
      using logs = new StackLogs(tables, { fileSystem: files, kernels });
      const lines: string[] = [];
      for (const { key, value } of logs.all()) {
        if (value !== undefined && key.slice(0, -9) === name) {
          lines.unshift(logLine(value, format));
        }
      }
      return lines;
    },
    async setSymbolic(name, target) {
      const addition = await StackAddition.open(stackOf(name), writing);
      if (addition === undefined) throw new Error("locked");
      const { updateIndex } = addition;
      const refs = [{ name, symref: target, updateIndex }];
      await addition.commit({ refs, logs: [] });
      addition.close();
    },
  };
}

/** What lies beside the tables that are listed: leftovers. */
export function leftovers(path: string): string[] {
  const listed = new Set(tableNames(path));
  const found = readdirSync(join(path, "reftable"))
    .filter((name) => name !== "tables.list" && !listed.has(name));
  const journals = readdirSync(path).filter((name) =>
    name.startsWith("gitsrv-locks-")
  );
  return [...found, ...journals];
}

/** The tables of a stack, the oldest first. */
export function tableNames(path: string): string[] {
  return NODE_WRITE_FILES.read(join(path, "reftable", "tables.list"), 1 << 20)
    ?.reduce((text, byte) => text + String.fromCharCode(byte), "")
    .split("\n").filter((line) => line !== "") ?? [];
}

function* allNames(
  tables: ReturnType<ReftableRefStore["common"]["read"]>["tables"],
): Generator<{ name: string }> {
  const names = new Set<string>();
  for (const table of tables) {
    for (
      let placed = table.blockAt(0);
      placed !== undefined;
      placed = table.blockAt(placed.next)
    ) {
      for (let i = 0; i < placed.block.count; i++) {
        names.add(placed.block.name(i));
      }
    }
  }
  for (const name of [...names].sort()) yield { name };
}

function logLine(value: Uint8Array, format: ObjectFormat): string {
  const raw = format.rawLength;
  const hex = (from: number) =>
    Array.from(
      value.subarray(from, from + raw),
      (byte) => byte.toString(16).padStart(2, "0"),
    ).join("");
  let at = 2 * raw;
  const varint = (): number => {
    let byte = value[at++] as number;
    let number = byte & 127;
    while (byte >= 128) {
      byte = value[at++] as number;
      number = (number + 1) * 128 + (byte & 127);
    }
    return number;
  };
  const text = (): string => {
    const length = varint();
    at += length;
    return String.fromCharCode(...value.subarray(at - length, at));
  };
  const [name, mail, seconds] = [text(), text(), varint()];
  const zone = ((value[at] as number) << 24 >> 16) + (value[at + 1] as number);
  at += 2;
  const sign = zone < 0 ? "-" : "+";
  const digits = String(Math.abs(zone)).padStart(4, "0");
  const message = text();
  return `${hex(0)} ${hex(raw)} ${name} <${mail}> ${seconds} ${sign}${digits}` +
    `\t${message.replace(/\n$/, "")}`;
}
