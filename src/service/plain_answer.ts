/**
 * Answers clients that read plain files: facts in one packet, then the bytes
 * as they are. What is small is made whole first, so that its size and its tag
 * are known; what is large is read or made piece by piece.
 *
 * @see https://git-scm.com/docs/gitprotocol-http
 * @module
 */

import { concatBytes, fromBinary, toHex } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import { parseOid, SHA1 } from "../core/oid.ts";
import { kindName } from "../object/kind.ts";
import { plainPacksText } from "../object/plain_lines.ts";
import { encodePacket } from "../pktline/packet.ts";
import type { PlainFile, PlainName } from "../storage/plain_files.ts";
import type { ObjectStore } from "../storage/types.ts";
import { select, type Selectable } from "../wire/http_conditions.ts";
import type { Conversation } from "./conversation.ts";
import { hiddenRefs } from "./hidden_refs.ts";
import { zlibPieces } from "./plain_object.ts";
import type { PlainFacts, PlainOrder } from "./plain_order.ts";
import { plainHeadText, plainRefLines } from "./plain_refs.ts";

/** What is made is kept whole up to so many bytes. */
const WHOLE_BYTES = 1024 * 1024;
/** Files are read in such pieces. */
const PIECE_BYTES = 256 * 1024;
/** Text is made bytes when there is so much of it. */
const TEXT_LENGTH = 64 * 1024;
/** Refs between two looks at the clock. */
const REFS_PER_TURN = 256;

const NOT_FOUND: PlainFacts = { status: 404, start: 0, end: 0 };

/** Answers one request. Throws where the bytes turn out not to be had. */
export async function answerPlain(
  conversation: Conversation,
  order: PlainOrder,
): Promise<void> {
  const { thing } = order;
  switch (thing.type) {
    case "refs":
      return await answerRefs(conversation, order);
    case "head":
      return await answerHead(conversation, order);
    case "packs": {
      const files = await conversation.stored.plainFiles?.();
      const text = plainPacksText(files?.packs() ?? []);
      return await answerWhole(conversation, order, fromBinary(text));
    }
    default:
      return await answerFile(conversation, order, thing);
  }
}

async function answerRefs(
  conversation: Conversation,
  order: PlainOrder,
): Promise<void> {
  const { context } = conversation;
  using snapshot = await context.repository.snapshot();
  const lines = plainRefLines(snapshot, hiddenRefs(context));
  await answerPieces(conversation, order, textPieces(lines));
}

async function answerHead(
  conversation: Conversation,
  order: PlainOrder,
): Promise<void> {
  const { context } = conversation;
  using snapshot = await context.repository.snapshot();
  const isHidden = hiddenRefs(context).hides("HEAD");
  const text = isHidden ? "" : plainHeadText(snapshot.refs.head);
  await answerWhole(conversation, order, fromBinary(text));
}

async function answerFile(
  conversation: Conversation,
  order: PlainOrder,
  name: PlainName,
): Promise<void> {
  const files = await conversation.stored.plainFiles?.();
  if (files === undefined) {
    if (name.type === "loose") {
      return await answerObject(conversation, order, name.oid);
    }
    return await tell(conversation, NOT_FOUND);
  }
  const file = files.open(name);
  if (file === undefined) return await tell(conversation, NOT_FOUND);
  try {
    await sendFile(conversation, order, file);
  } finally {
    file.close();
  }
}

/** The part that is asked for, as long as the file is what it was. */
async function sendFile(
  conversation: Conversation,
  order: PlainOrder,
  file: PlainFile,
): Promise<void> {
  const { context: { connection, signal }, pacer } = conversation;
  const { start, end } = await tellPart(conversation, order, file);
  if (order.wants === "facts") return;
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, end - start));
  for (let at = start; at < end;) {
    const piece = buffer.subarray(0, Math.min(buffer.length, end - at));
    const count = file.readAt(piece, at);
    if (count === 0 || !file.isUnchanged()) {
      throw new StorageError("file-changed", "a file has changed meanwhile");
    }
    await connection.write(piece.subarray(0, count), signal);
    at += count;
    if (pacer.due) await pacer.turn();
  }
}

/** An object as git would store it on its own, where nothing stores it so. */
async function answerObject(
  conversation: Conversation,
  order: PlainOrder,
  text: string,
): Promise<void> {
  const { context } = conversation;
  const oid = parseOid(text, context.repository.format);
  using snapshot = await context.repository.snapshot();
  const { objects } = snapshot;
  const number = oid === undefined ? -1 : objects.find(oid);
  if (number < 0) return await tell(conversation, NOT_FOUND);
  const content = looseContent(objects, number);
  if (content.length <= WHOLE_BYTES) {
    const stream = context.kernels.deflate(content);
    return await answerWhole(conversation, order, stream);
  }
  await answerPieces(conversation, order, zlibPieces(content));
}

function looseContent(objects: ObjectStore, number: number): Uint8Array {
  const { kind, data } = objects.read(number);
  const header = fromBinary(`${kindName(kind)} ${data.length}\0`);
  return concatBytes([header, data]);
}

/** Bytes of lines, in pieces; `undefined` where others could have a turn. */
function* textPieces(
  lines: Iterable<string>,
): Generator<Uint8Array | undefined, void, void> {
  let text = "";
  let count = 0;
  for (const line of lines) {
    text += line;
    if (text.length >= TEXT_LENGTH) {
      yield fromBinary(text);
      text = "";
    } else if (++count % REFS_PER_TURN === 0) yield undefined;
  }
  if (text !== "") yield fromBinary(text);
}

/** Whole where it is small; else what is made goes out, of no known size. */
async function answerPieces(
  conversation: Conversation,
  order: PlainOrder,
  pieces: Iterable<Uint8Array | undefined>,
): Promise<void> {
  const { context: { connection, signal }, pacer } = conversation;
  const held: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    if (pacer.due) await pacer.turn();
    if (piece === undefined) continue;
    const wasHeld = bytes <= WHOLE_BYTES;
    bytes += piece.length;
    if (bytes <= WHOLE_BYTES) {
      held.push(piece);
      continue;
    }
    if (wasHeld) {
      await tell(conversation, { status: 200, start: 0 });
      if (order.wants === "facts") return;
      for (const each of held) await connection.write(each, signal);
      held.length = 0;
    }
    await connection.write(piece, signal);
  }
  if (bytes <= WHOLE_BYTES) {
    await answerWhole(conversation, order, concatBytes(held));
  }
}

/** Small things: the tag is a hash of the bytes. */
async function answerWhole(
  conversation: Conversation,
  order: PlainOrder,
  bytes: Uint8Array,
): Promise<void> {
  const { connection, kernels, signal } = conversation.context;
  const hash = kernels.hash(SHA1);
  hash.update(bytes);
  const tag = toHex(hash.digest());
  const part = { size: bytes.length, tag };
  const { start, end } = await tellPart(conversation, order, part);
  if (order.wants === "facts" || end === start) return;
  await connection.write(bytes.subarray(start, end), signal);
}

/** Tells which part comes; none where the conditions say so. */
async function tellPart(
  conversation: Conversation,
  { conditions }: PlainOrder,
  target: Selectable,
): Promise<{ readonly start: number; readonly end: number }> {
  const { size, tag, mtimeMs } = target;
  const selection = select(conditions, target);
  await tell(conversation, {
    ...selection,
    size,
    ...(tag === undefined ? {} : { tag }),
    ...(mtimeMs === undefined ? {} : { mtimeMs }),
  });
  return selection;
}

async function tell(
  { context: { connection, signal } }: Conversation,
  facts: PlainFacts,
): Promise<void> {
  const packet = encodePacket(fromBinary(JSON.stringify(facts)));
  await connection.write(packet, signal);
}
