/**
 * The advertisement of receive-pack: the refs that can be changed, and, as
 * `.have`, what else the repository has that need not be sent.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_reference_discovery
 * @module
 */

import { fromBinary, toBinary } from "../../core/bytes.ts";
import type { Oid } from "../../core/oid.ts";
import type { Snapshot } from "../../storage/types.ts";
import { type Desk, sendAnswer } from "../answers.ts";
import type { Conversation } from "../conversation.ts";
import { type HiddenRefs, hiddenRefs } from "../hidden_refs.ts";
import { PacketSheet } from "../ref_listing.ts";
import { formatReceiveCapabilities } from "./capabilities.ts";
import type { ReceiveSettings } from "./settings.ts";

/** Lines between two looks at the clock. */
const LINES_PER_TURN = 256;
/** A name that no rule about hidden refs matches, for refs that have none. */
const NAMELESS = "\0";

/**
 * Sends the refs of the session's namespace, those of others and of alternates
 * as `.have`, and the repository's shallow commits (builtin/receive-pack.c:
 * write_head_info). `snapshot` is of the repository as it is stored.
 */
export async function advertisePush(
  conversation: Conversation,
  snapshot: Snapshot,
  settings: ReceiveSettings,
): Promise<void> {
  const { context, stored } = conversation;
  const hidden = hiddenRefs(context, "receive");
  const capabilities = formatReceiveCapabilities(context, settings);
  const shown: Shown = {
    snapshot,
    hidden,
    namespace: context.terms.namespace,
    borrowed: stored.borrowedTips?.() ?? [],
    shallow: [...snapshot.shallow].sort(),
  };
  await sendAnswer(
    conversation,
    snapshot,
    `push ${JSON.stringify([shown.shallow, shown.borrowed])} ${hidden.key}`,
    (desk) => advertisement(stored.format.zero, shown, desk),
    (first) => {
      const sheet = new PacketSheet();
      if (context.protocol === 1) sheet.line("version 1\n");
      sheet.line(`${toBinary(first)}\0${capabilities}\n`);
      return sheet.take();
    },
  );
}

interface Shown {
  readonly snapshot: Snapshot;
  readonly hidden: HiddenRefs;
  readonly namespace: string;
  readonly borrowed: readonly Oid[];
  readonly shallow: readonly Oid[];
}

/** The first piece is the first line, without what makes a packet of it. */
function* advertisement(
  zero: Oid,
  shown: Shown,
  desk: Desk,
): Generator<Uint8Array | undefined, void, void> {
  const sheet = new PacketSheet();
  let isFirst = true;
  let count = 0;
  for (const line of haveLines(shown, desk)) {
    if (line !== undefined && isFirst) {
      isFirst = false;
      yield fromBinary(line);
    } else if (line !== undefined) sheet.line(`${line}\n`);
    if (sheet.full) yield sheet.take();
    else if (++count % LINES_PER_TURN === 0) yield undefined;
  }
  if (isFirst) yield fromBinary(`${zero} capabilities^{}`);
  for (const oid of shown.shallow) {
    sheet.line(`shallow ${oid}\n`);
    if (sheet.full) yield sheet.take();
  }
  yield sheet.end();
}

/** `undefined` stands for a ref that is not shown. */
function* haveLines(
  { snapshot, hidden, namespace, borrowed }: Shown,
  desk: Desk,
): Generator<string | undefined, void, void> {
  const seen = new Set<Oid>();
  for (const { name: full, oid } of snapshot.refs.list("refs/")) {
    const name = full.startsWith(namespace)
      ? full.slice(namespace.length)
      : undefined;
    // Whether the object is there is not asked: who sees a ref can mend it.
    if (hidden.hides(name ?? NAMELESS, full)) {
      yield undefined;
    } else if (name !== undefined) {
      seen.add(oid);
      yield `${oid} ${name}`;
    } else if (!seen.has(oid)) {
      seen.add(oid);
      yield `${oid} .have`;
    }
  }
  for (const oid of borrowed) {
    if (seen.has(oid) || desk.objects.find(oid) < 0) continue;
    seen.add(oid);
    yield `${oid} .have`;
  }
}
