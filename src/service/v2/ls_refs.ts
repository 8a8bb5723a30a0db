/**
 * The v2 command `ls-refs`.
 *
 * @see https://git-scm.com/docs/protocol-v2#_ls_refs
 * @module
 */

import { printable } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { RefName } from "../../core/ref_name.ts";
import type { Snapshot } from "../../storage/types.ts";
import {
  formatLsRefsLine,
  LsRefsArguments,
  type LsRefsRequest,
} from "../../wire/v2_ls_refs.ts";
import { peeledOid, shownObject } from "../advertise.ts";
import type { Conversation } from "../conversation.ts";
import { carryOut } from "../errand.ts";
import { hiddenRefs } from "../hidden_refs.ts";
import { LineBatch } from "../line_batch.ts";
import type { ServiceContext } from "../types.ts";
import type { V2Invocation } from "./table.ts";

/** `lsrefs.unborn`: whether clients learn of a HEAD without a commit. */
export type UnbornPolicy = "advertise" | "allow" | "ignore";

const POLICIES: ReadonlySet<string> = new Set<UnbornPolicy>([
  "advertise",
  "allow",
  "ignore",
]);

/**
 * The repository's policy: "advertise" unless configured. Throws a
 * StorageError "bad-config" for a value that git does not know.
 */
export function unbornPolicy(context: ServiceContext): UnbornPolicy {
  const value = context.repository.config.get("lsrefs.unborn") ?? "advertise";
  if (POLICIES.has(value)) return value as UnbornPolicy;
  throw new StorageError(
    "bad-config",
    `invalid value for 'lsrefs.unborn': '${printable(value)}'`,
  );
}

/** The command. */
export function lsRefsCommand(conversation: Conversation): V2Invocation {
  const args = new LsRefsArguments();
  return {
    take: (line) => args.take(line),
    run() {
      const request = args.request();
      return carryOut(
        conversation,
        { kind: "ls-refs", request },
        () => answerLsRefs(conversation, request),
      );
    },
  };
}

/** Lists the refs that were asked for: ls-refs.c, ls_refs. */
export async function answerLsRefs(
  conversation: Conversation,
  request: LsRefsRequest,
): Promise<void> {
  const { context, writer, pacer } = conversation;
  using snapshot = await context.repository.snapshot();
  const batch = new LineBatch(writer, pacer);
  const hidden = hiddenRefs(context.repository.config);
  const prefixes = request.prefixes.length === 0 ? [""] : request.prefixes;
  const asksHead = prefixes.some((prefix) => "HEAD".startsWith(prefix));
  if (asksHead && !hidden.hides("HEAD")) {
    const line = headLine(snapshot, request, unbornPolicy(context));
    if (line !== undefined) batch.add(line);
  }
  for (const prefix of prefixes) {
    for (const ref of snapshot.refs.list(prefix)) {
      if (batch.full) await batch.relieve();
      const number = hidden.hides(ref.name)
        ? -1
        : shownObject(snapshot.objects, ref);
      if (number < 0) {
        batch.pass();
        continue;
      }
      batch.add(formatLsRefsLine({
        oid: ref.oid,
        name: ref.name,
        target: request.symrefs ? ref.target : undefined,
        peeled: request.peel
          ? peeledOid(snapshot.objects, number, ref.peeled)
          : undefined,
      }));
    }
  }
  batch.flush();
  writer.putFlush();
}

/** ls-refs.c: send_possibly_unborn_head. */
function headLine(
  { refs, objects }: Snapshot,
  request: LsRefsRequest,
  policy: UnbornPolicy,
): string | undefined {
  const { head } = refs;
  if (head === undefined) return undefined;
  const target: RefName | undefined = request.symrefs ? head.target : undefined;
  if (head.oid === undefined) {
    const isTold = request.unborn && policy !== "ignore" &&
      target !== undefined;
    return isTold ? formatLsRefsLine({ name: "HEAD", target }) : undefined;
  }
  return formatLsRefsLine({
    oid: head.oid,
    name: "HEAD",
    target,
    peeled: request.peel
      ? peeledOid(objects, objects.find(head.oid))
      : undefined,
  });
}
