/**
 * What one v2 `fetch` wants, by ids and by names of refs, as objects.
 *
 * @module
 */

import { printable } from "../../core/bytes.ts";
import { ProtocolError } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import { parseRefName } from "../../core/ref_name.ts";
import type { Snapshot } from "../../storage/types.ts";
import type { FetchRequest } from "../../wire/v2_fetch.ts";
import type { HiddenRefs } from "../hidden_refs.ts";
import { findWants } from "../upload_pack/wants.ts";

/** A ref that was wanted by its name. */
export interface FoundRef {
  /** Its name as it was asked for. */
  readonly name: string;
  /** What it resolves to. */
  readonly oid: Oid;
}

/** What is wanted. */
export interface Wanted {
  /** The objects, each once, in the order asked. */
  readonly wants: readonly number[];
  /** The refs, as often as asked. */
  readonly refs: readonly FoundRef[];
}

/**
 * Looks up what is wanted. Throws a ProtocolError in git's words for the first
 * that is not here or, a ref, not to be seen: "not-our-ref", "unknown-ref".
 */
export function findWanted(
  snapshot: Snapshot,
  hidden: HiddenRefs,
  { wants, wantRefs }: Pick<FetchRequest, "wants" | "wantRefs">,
): Wanted {
  const found = new Set<number>();
  const refs: FoundRef[] = [];
  let at = 0;
  const addWants = (end: number): void => {
    for (const want of findWants(snapshot, wants.slice(at, end))) {
      found.add(want);
    }
    at = end;
  };
  for (const { name, after } of wantRefs) {
    addWants(after);
    const oid = hidden.hides(name) ? undefined : lookUp(snapshot, name);
    const number = oid === undefined ? -1 : snapshot.objects.find(oid);
    if (oid === undefined || number < 0) {
      throw new ProtocolError("unknown-ref", `unknown ref ${printable(name)}`);
    }
    found.add(number);
    refs.push({ name, oid });
  }
  addWants(wants.length);
  return { wants: [...found], refs };
}

/**
 * The value of HEAD or of a ref. git takes `ORIG_HEAD` and its like for refs
 * too (upload-pack.c: parse_want_ref); nobody was ever shown those.
 */
function lookUp({ refs }: Snapshot, text: string): Oid | undefined {
  if (text === "HEAD") return refs.head?.oid;
  const name = text.startsWith("refs/") ? parseRefName(text) : undefined;
  return name === undefined ? undefined : refs.get(name)?.oid;
}
