/**
 * The v2 command `ls-refs`.
 *
 * @see https://git-scm.com/docs/protocol-v2#_ls_refs
 * @module
 */

import { printable } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { RefName } from "../../core/ref_name.ts";
import type { RefSnapshot } from "../../storage/types.ts";
import {
  formatLsRefsLine,
  LsRefsArguments,
  type LsRefsRequest,
} from "../../wire/v2_ls_refs.ts";
import { peeledOid } from "../advertise.ts";
import { type Desk, sendAnswer } from "../answers.ts";
import type { Conversation } from "../conversation.ts";
import { carryOut } from "../errand.ts";
import { type HiddenRefs, hiddenRefs } from "../hidden_refs.ts";
import { type ListingStyle, listRefs, PacketSheet } from "../ref_listing.ts";
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
    unended: "expected flush after ls-refs arguments",
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
  const { context } = conversation;
  using snapshot = await context.repository.snapshot();
  const hidden = hiddenRefs(context);
  const unborn = request.unborn && unbornPolicy(context) !== "ignore";
  const { peel, symrefs, prefixes } = request;
  const question = JSON.stringify({ peel, symrefs, unborn, prefixes });
  await sendAnswer(
    conversation,
    snapshot,
    `ls-refs ${question} ${hidden.key}`,
    (desk) =>
      listing(context, snapshot.refs, desk, { ...request, unborn }, hidden),
  );
}

function* listing(
  { kernels, repository }: ServiceContext,
  refs: RefSnapshot,
  desk: Desk,
  request: LsRefsRequest,
  hidden: HiddenRefs,
): Generator<Uint8Array | undefined, void, void> {
  const prefixes = request.prefixes.length === 0 ? [""] : request.prefixes;
  const asksHead = prefixes.some((prefix) => "HEAD".startsWith(prefix));
  const sheet = new PacketSheet();
  if (asksHead && !hidden.hides("HEAD")) {
    const line = headLine(refs, desk, request);
    if (line !== undefined) sheet.line(line);
  }
  const style: ListingStyle = {
    hidden,
    form: request.peel ? "attribute" : "none",
    add: (sheet, { oid, name, target }, peeled) =>
      sheet.line(formatLsRefsLine({
        oid,
        name,
        target: request.symrefs ? target : undefined,
        peeled,
      })),
  };
  const init = { refs, desk, kernels, format: repository.format };
  for (const prefix of prefixes) {
    yield* listRefs(sheet, prefix, init, style);
  }
  yield sheet.end();
}

/** ls-refs.c: send_possibly_unborn_head. */
function headLine(
  { head }: RefSnapshot,
  desk: Desk,
  request: LsRefsRequest,
): string | undefined {
  if (head === undefined) return undefined;
  const target: RefName | undefined = request.symrefs ? head.target : undefined;
  if (head.oid === undefined) {
    return request.unborn && target !== undefined
      ? formatLsRefsLine({ name: "HEAD", target })
      : undefined;
  }
  const number = request.peel ? desk.objects.find(head.oid) : 0;
  if (number < 0) desk.isLasting = false;
  return formatLsRefsLine({
    oid: head.oid,
    name: "HEAD",
    target,
    peeled: request.peel ? peeledOid(desk.objects, number) : undefined,
  });
}
