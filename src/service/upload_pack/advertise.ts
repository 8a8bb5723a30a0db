/**
 * The advertisement of upload-pack in protocol v0 and v1.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_reference_discovery
 * @module
 */

import type { Oid } from "../../core/oid.ts";
import type { Snapshot } from "../../storage/types.ts";
import { peeledOid, shownObject } from "../advertise.ts";
import type { Conversation } from "../conversation.ts";
import { hiddenRefs } from "../hidden_refs.ts";
import { LineBatch } from "../line_batch.ts";
import { formatCapabilities } from "./capabilities.ts";

/**
 * Sends HEAD, every ref that is not hidden with what it peels to, and the repository's own
 * shallow commits. The capabilities are on the first line, which a repository
 * without refs has too, so that its object format is known.
 */
export async function advertise(
  conversation: Conversation,
  snapshot: Snapshot,
): Promise<void> {
  const { context, writer, pacer } = conversation;
  const { refs, objects } = snapshot;
  const batch = new LineBatch(writer, pacer);
  // C git's format string has no space after the NUL.
  let capabilities = `\0${formatCapabilities({ context, snapshot }).slice(1)}`;
  const add = (oid: Oid, name: string, peeled: Oid | undefined): void => {
    batch.add(`${oid} ${name}${capabilities}\n`);
    capabilities = "";
    if (peeled !== undefined) batch.add(`${peeled} ${name}^{}\n`);
  };
  if (context.protocol === 1) batch.add("version 1\n");
  const hidden = hiddenRefs(context.repository.config);
  const head = refs.head?.oid;
  if (head !== undefined && !hidden.hides("HEAD")) {
    add(head, "HEAD", peeledOid(objects, objects.find(head)));
  }
  for (const ref of refs.list("")) {
    if (batch.full) await batch.relieve();
    const number = hidden.hides(ref.name) ? -1 : shownObject(objects, ref);
    if (number < 0) batch.pass();
    else add(ref.oid, ref.name, peeledOid(objects, number, ref.peeled));
  }
  if (capabilities !== "") {
    add(context.repository.format.zero, "capabilities^{}", undefined);
  }
  for (const oid of [...snapshot.shallow].sort()) {
    batch.add(`shallow ${oid}\n`);
    if (batch.full) await batch.relieve();
  }
  batch.flush();
  writer.putFlush();
  await writer.send();
}
