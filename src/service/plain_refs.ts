/**
 * The lines of `info/refs` and the text of `HEAD` for clients that read plain
 * files, from a snapshot: http-backend.c, `show_text_ref` and `show_head_ref`.
 *
 * @module
 */

import { StorageError } from "../core/errors.ts";
import { plainRefLine } from "../object/plain_lines.ts";
import type { Head, Snapshot } from "../storage/types.ts";
import type { HiddenRefs } from "./hidden_refs.ts";

/**
 * The lines of `info/refs`: for each ref a binary string, "" for those that
 * are left out because they are hidden, or because their object is missing or
 * damaged. git shows hidden refs to such clients; we do not.
 */
export function* plainRefLines(
  { refs, objects }: Pick<Snapshot, "refs" | "objects">,
  hidden?: HiddenRefs,
): Generator<string, void, void> {
  for (const ref of refs.list("refs/")) {
    if (hidden?.hides(ref.name) === true) {
      yield "";
      continue;
    }
    try {
      yield plainRefLine(objects, ref);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      yield "";
    }
  }
}

/**
 * The text of `HEAD`: what it stands for, or the commit where it is detached.
 * Of one that leads nowhere yet nothing is told, as git does (refs.c:
 * head_ref_namespaced).
 */
export function plainHeadText(head: Head | undefined): string {
  if (head?.oid === undefined) return "";
  return head.target === undefined ? `${head.oid}\n` : `ref: ${head.target}\n`;
}
