/**
 * What the tests of this folder share: stores on directories that real git
 * has made, and a file system that counts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GitsrvError } from "../../../../src/core/errors.ts";
import type { FileSystem } from "../../../../src/core/host.ts";
import type { Logger } from "../../../../src/core/logger.ts";
import { type ObjectFormat, SHA1 } from "../../../../src/core/oid.ts";
import { selectKernels } from "../../../../src/kernels/select.ts";
import type { Kernels } from "../../../../src/kernels/types.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import { Complaints } from "../../../../src/storage/files/complaints.ts";
import { readPlainConfig } from "../../../../src/storage/files/config.ts";
import {
  findLayout,
  type Layout,
} from "../../../../src/storage/files/layout.ts";
import { FileRefStore } from "../../../../src/storage/files/refs.ts";
import { FileRepository } from "../../../../src/storage/files/repository.ts";
import type { RefSnapshot } from "../../../../src/storage/types.ts";

/** The kernels that these tests run with. */
export const KERNELS: Kernels = selectKernels();

/** A logger that keeps its lines: message, then the values of its fields. */
export function keepingLogger(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    logger: {
      log(_level, message, fields) {
        lines.push([message, ...Object.values(fields ?? {})].join(" "));
      },
    },
  };
}

/** The layout of a repository that is there. */
export function layoutOf(path: string): Layout {
  const layout = findLayout(NODE_FILES, path, "suffixes");
  assert.ok(layout, `${path} is no repository`);
  return layout;
}

/** A repository of SHA-1 with its own configuration, and what it complains of. */
export function fileRepository(
  path: string,
): { repository: FileRepository; lines: string[] } {
  const { logger, lines } = keepingLogger();
  const layout = layoutOf(path);
  const config = readPlainConfig(`${layout.commonDir}/config`, NODE_FILES);
  const repository = new FileRepository({
    layout,
    format: SHA1,
    config: config ?? [],
    fileSystem: NODE_FILES,
    kernels: KERNELS,
    logger,
  });
  return { repository, lines };
}

/** How a ref store under test is made. */
export interface StoreOptions {
  /** `Date.now` unless told. */
  readonly now?: () => number;
  /** `NODE_FILES` unless told. */
  readonly fileSystem?: FileSystem;
  /** SHA-1 unless told. */
  readonly format?: ObjectFormat;
}

/** A ref store, and what it complains of. */
export function refStore(
  path: string,
  options: StoreOptions = {},
): { store: FileRefStore; lines: string[] } {
  const { logger, lines } = keepingLogger();
  const store = new FileRefStore({
    fileSystem: options.fileSystem ?? NODE_FILES,
    layout: layoutOf(path),
    format: options.format ?? SHA1,
    complaints: new Complaints(logger),
    now: options.now ?? Date.now,
    kernels: KERNELS,
  });
  return { store, lines };
}

/** As `git for-each-ref --format='%(refname) %(objectname) %(symref)'`. */
export function describeRefs(snapshot: RefSnapshot): string[] {
  return [...snapshot.list("")].map((ref) =>
    `${ref.name} ${ref.oid} ${ref.target ?? ""}`
  );
}

/** A file system that counts its calls by name. */
export function countingFiles(
  inner: FileSystem = NODE_FILES,
): { files: FileSystem; counts: Map<string, number>; forget(): void } {
  const counts = new Map<string, number>();
  const count = (name: string): void =>
    void counts.set(name, (counts.get(name) ?? 0) + 1);
  return {
    counts,
    forget: () => counts.clear(),
    files: {
      stat: (path) => (count("stat"), inner.stat(path)),
      lstat: (path) => (count("lstat"), inner.lstat(path)),
      realPath: (path) => (count("realPath"), inner.realPath(path)),
      readLink: (path) => (count("readLink"), inner.readLink(path)),
      list: (path) => (count("list"), inner.list(path)),
      read: (path, limit) => (count("read"), inner.read(path, limit)),
      open: (path) => (count("open"), inner.open(path)),
    },
  };
}

/** The error that a call or a promise ends in, which must have `code`. */
export async function failureOf(
  call: () => unknown,
  code: string,
): Promise<GitsrvError> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof GitsrvError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`nothing was thrown where ${code} was due`);
}
