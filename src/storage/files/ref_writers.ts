/**
 * Which writer of refs a repository on disk has, loaded when it is needed.
 *
 * @module
 */

import type { ObjectFormat } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import type { ConfigView } from "../types.ts";
import type { RefWriter } from "../writes.ts";
import type { Complaints } from "./complaints.ts";
import { fsyncPlan } from "./fsync.ts";
import type { Layout } from "./layout.ts";
import { type HeldObjects, ObjectLooks } from "./object_looks.ts";
import type { ReftableRefStore } from "./reftable/refs.ts";
import type { FileWrites } from "./writer.ts";

/** What {@linkcode openRefWriter} makes a writer from. */
export interface RefWriterParts {
  /** What changes files. */
  readonly writes: FileWrites;
  /** Where the repository's parts are. */
  readonly layout: Layout;
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** Its configuration. */
  readonly config: ConfigView;
  /** The kernels in use. */
  readonly kernels: Kernels;
  /** Where failures of the disk are told. */
  readonly complaints: Complaints;
  /** What its refs are read from, where they are in reftables. */
  readonly reftables: ReftableRefStore | undefined;
  /** The repository's objects now. */
  objects(): HeldObjects;
}

/** The writer of a repository's refs. */
export async function openRefWriter(parts: RefWriterParts): Promise<RefWriter> {
  const { writes, layout, format, config, kernels, complaints } = parts;
  const { files, owners, pause } = writes;
  const looks = new ObjectLooks(() => parts.objects());
  const init = {
    ...{ files, layout, format, config, kernels, owners, pause },
    fsync: fsyncPlan(config).mode,
    peel: looks.peel.bind(looks),
    kindOf: looks.kindOf.bind(looks),
  };
  if (parts.reftables === undefined) {
    const { FileRefWriter } = await import("./ref_writer.ts");
    return new FileRefWriter(init);
  }
  const { ReftableRefWriter } = await import("./reftable/ref_writer.ts");
  return new ReftableRefWriter({
    ...init,
    complaints,
    store: parts.reftables,
  });
}
