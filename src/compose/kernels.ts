/**
 * The kernels that everything here works with.
 *
 * @module
 */

import { type Logger, SILENT } from "../core/logger.ts";
import { lazyKernels } from "../kernels/lazy.ts";
import { selectKernels } from "../kernels/select.ts";
import type { Kernels } from "../kernels/types.ts";

/** Chosen when first asked for: a session that lists refs needs none. */
const DEFAULT_KERNELS: { chosen?: Kernels } = {};

/** The kernels to use, the same every time. */
export function defaultKernels(logger: Logger = SILENT): Kernels {
  return DEFAULT_KERNELS.chosen ??= lazyKernels(() => selectKernels(logger));
}
