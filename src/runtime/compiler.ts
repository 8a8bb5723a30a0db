/**
 * How soon the runtime compiles what it runs. The binary with Bun inside
 * starts with `--compile-jit-policy`, which puts that off: compiling what a
 * short session calls a few times, in a thread that has to be started, takes
 * 0.5 to 1.3 ms of the processor before the first byte. What goes on for
 * longer has it end.
 *
 * @module
 */

import { bunGlobal } from "./bun_types.ts";

/** Has the runtime compile as soon as it usually does. */
export function compileReadily(): void {
  bunGlobal()?.unsafe.setJITPolicy?.(1);
}
