/**
 * A thread that stops in the middle of a push: its pack is in a quarantine and
 * the ref is locked. It says so, and does no more.
 *
 * @module
 */

import { NODE_WRITE_FILES } from "../../../src/runtime/write_files.ts";
import { systemOwners } from "../../../src/runtime/owner.ts";
import { fileWrites } from "../../../src/compose/file_writes.ts";
import { SILENT } from "../../../src/core/logger.ts";
import type { Oid } from "../../../src/core/oid.ts";
import type { RefName } from "../../../src/core/ref_name.ts";
import { selectKernels } from "../../../src/kernels/select.ts";
import { FileBackend } from "../../../src/storage/files/backend.ts";

const port = globalThis as unknown as {
  onmessage: (
    event: { data: { root: string; name: string; to: string } },
  ) => void;
  postMessage(message: unknown): void;
};

port.onmessage = async ({ data: { root, name, to } }) => {
  const kernels = selectKernels();
  const backend = new FileBackend({
    exposure: { rules: "friendly", root },
    fileSystem: NODE_WRITE_FILES,
    kernels,
    logger: SILENT,
    owners: { uid: NODE_WRITE_FILES.stat(root)?.uid ?? 0 },
    writes: () => Promise.resolve(fileWrites(kernels)),
  });
  const repository = await backend.openRepository(`/${name}`);
  const writer = await repository.writer?.();
  await writer?.openQuarantine();
  await writer?.refs.apply([
    { name: "refs/heads/main" as RefName, new: to as Oid },
  ], {
    atomic: true,
    committer: "C <c@example.com> 1700000000 +0000",
    message: "push",
    observe: () => {
      port.postMessage(systemOwners().self);
      return new Promise<boolean>(() => {});
    },
  });
};
