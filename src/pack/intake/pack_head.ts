/**
 * The twelve bytes that a pack starts with, as they are read from a peer: what
 * is wrong with them git says before it starts to take the pack in.
 *
 * @module
 */

import { readUint32 } from "../../core/bytes.ts";
import { ProtocolError } from "../../core/errors.ts";
import { PACK_HEADER_BYTES } from "../pack_header.ts";
import { badHeader } from "./faults.ts";
import type { PackReader } from "./pack_reader.ts";

// "PACK"
const SIGNATURE = 0x5041434b;

/**
 * Reads a pack's header; the number of objects that it tells. Throws a
 * ProtocolError "pack-header" whose message is that of receive-pack.
 */
export async function readPackHead(reader: PackReader): Promise<number> {
  try {
    await reader.need(PACK_HEADER_BYTES);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw badHeader("eof before pack header was fully read");
  }
  const { buffer, at } = reader;
  if (readUint32(buffer, at) !== SIGNATURE) {
    throw badHeader("protocol error (pack signature mismatch detected)");
  }
  const version = readUint32(buffer, at + 4);
  if (version !== 2 && version !== 3) {
    throw badHeader("protocol error (pack version unsupported)");
  }
  reader.consume(PACK_HEADER_BYTES);
  return readUint32(buffer, at + 8);
}
