/**
 * The advertisement of upload-pack in protocol v0 and v1.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_reference_discovery
 * @module
 */

import { fromBinary, toBinary } from "../../core/bytes.ts";
import type { Oid } from "../../core/oid.ts";
import type { RefName } from "../../core/ref_name.ts";
import type { Snapshot } from "../../storage/types.ts";
import { peeledOid } from "../advertise.ts";
import { type Desk, sendAnswer } from "../answers.ts";
import type { Conversation } from "../conversation.ts";
import { type HiddenRefs, hiddenRefs } from "../hidden_refs.ts";
import { type ListingStyle, listRefs, PacketSheet } from "../ref_listing.ts";
import type { ServiceContext } from "../types.ts";
import { formatCapabilities } from "./capabilities.ts";

/** Shallow commits between two looks at the clock. */
const LINES_PER_TURN = 256;

/**
 * Sends HEAD, every ref that is not hidden with what it peels to, and the repository's own
 * shallow commits. The capabilities are on the first line, which a repository
 * without refs has too, so that its object format is known.
 */
export async function advertise(
  conversation: Conversation,
  snapshot: Snapshot,
): Promise<void> {
  const { context } = conversation;
  const hidden = hiddenRefs(context);
  const capabilities = formatCapabilities({ context, snapshot });
  const { protocol } = context;
  const shallow = [...snapshot.shallow].sort();
  await sendAnswer(
    conversation,
    snapshot,
    `advertise ${JSON.stringify(shallow)} ${hidden.key}`,
    (desk) =>
      advertisement(context, desk, {
        refs: snapshot.refs,
        hidden,
        shallow,
      }),
    (first) => {
      const sheet = new PacketSheet();
      if (protocol === 1) sheet.line("version 1\n");
      // C git's format string has no space after the NUL.
      sheet.line(`${toBinary(first)}\0${capabilities.slice(1)}\n`);
      return sheet.take();
    },
  );
}

/** What an advertisement tells. */
interface Advertised {
  readonly refs: Snapshot["refs"];
  readonly hidden: HiddenRefs;
  readonly shallow: readonly Oid[];
}

/** The first piece is the first ref, without what makes a packet of it. */
function* advertisement(
  { repository, kernels }: ServiceContext,
  desk: Desk,
  { refs, hidden, shallow }: Advertised,
): Generator<Uint8Array | undefined, void, void> {
  const { format } = repository;
  const sheet = new PacketSheet();
  let first: string | undefined;
  let isTold = false;
  const style: ListingStyle = {
    hidden,
    form: "packet",
    add(sheet, { oid, name }, peeled) {
      const line = `${oid} ${name}`;
      if (first === undefined) first = line;
      else sheet.line(`${line}\n`);
      if (peeled !== undefined) sheet.line(`${peeled} ${name}^{}\n`);
    },
  };
  const head = refs.head?.oid;
  if (head !== undefined && !hidden.hides("HEAD")) {
    const number = desk.objects.find(head);
    if (number < 0) desk.isLasting = false;
    const peeled = peeledOid(desk.objects, number);
    style.add(sheet, { oid: head, name: HEAD }, peeled);
  }
  // Without HEAD some ref's line has the capabilities: one by one.
  const lines = first === undefined ? {} : kernels;
  const init = { refs, desk, kernels: lines, format };
  for (const piece of listRefs(sheet, "refs/", init, style)) {
    if (piece !== undefined && !isTold) {
      isTold = true;
      yield fromBinary(first ?? "");
    }
    yield piece;
  }
  if (!isTold) yield fromBinary(first ?? `${format.zero} capabilities^{}`);
  for (const [i, oid] of shallow.entries()) {
    sheet.line(`shallow ${oid}\n`);
    if (i % LINES_PER_TURN === 0) yield sheet.full ? sheet.take() : undefined;
  }
  yield sheet.end();
}

// A name like any other here.
const HEAD = "HEAD" as RefName;
