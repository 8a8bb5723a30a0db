/**
 * Listings of refs as packets: what `ls-refs` and the advertisement of v0 have
 * in common. Refs that are stored as lines become packets without being
 * looked at one by one.
 *
 * @module
 */

import { fromBinary, hexOf16, toBinary } from "../core/bytes.ts";
import type { ObjectFormat, Oid } from "../core/oid.ts";
import type { RefName } from "../core/ref_name.ts";
import type { Kernels, PeeledForm, RefLines } from "../kernels/types.ts";
import { FLUSH, LARGE_PACKET_DATA_MAX } from "../pktline/packet.ts";
import type { RefRecord, RefRun, RefSnapshot } from "../storage/types.ts";
import { peeledOid, shownObject } from "./advertise.ts";
import type { Desk } from "./answers.ts";
import type { HiddenRefs } from "./hidden_refs.ts";

/** A piece is sent when it has so many bytes: a run is one without a copy. */
const PIECE_BYTES = 56 * 1024;
/** Text is made bytes when there is so much of it. */
const TEXT_LENGTH = 32 * 1024;
/** Refs between two looks at the clock. */
const REFS_PER_TURN = 256;

const encoder = new TextEncoder();

/** Gathers packets into pieces. */
export class PacketSheet {
  #parts: Uint8Array[] = [];
  #length = 0;
  #text = "";

  /** Whether there is enough for a piece. */
  get full(): boolean {
    return this.#length + this.#text.length >= PIECE_BYTES;
  }

  /**
   * Adds a packet with the binary string `line`. Throws a RangeError for more
   * than {@linkcode LARGE_PACKET_DATA_MAX} bytes.
   */
  line(line: string): void {
    if (line.length > LARGE_PACKET_DATA_MAX) {
      throw new RangeError(`Cannot send packet: ${line.length} bytes`);
    }
    const length = line.length + 4;
    // Many lines at once are encoded in a third of the time of single ones.
    this.#text += hexOf16(length) + line;
    if (this.#text.length >= TEXT_LENGTH) this.#encode();
  }

  /** Adds packets, which are copied. */
  packets(bytes: Uint8Array): void {
    this.#encode();
    this.#parts.push(bytes.slice());
    this.#length += bytes.length;
  }

  /** What was gathered, as one array. */
  take(): Uint8Array {
    this.#encode();
    const [first, second] = this.#parts;
    let piece = first ?? new Uint8Array(0);
    if (second !== undefined) {
      piece = new Uint8Array(this.#length);
      let at = 0;
      for (const part of this.#parts) {
        piece.set(part, at);
        at += part.length;
      }
    }
    this.#parts = [];
    this.#length = 0;
    return piece;
  }

  /** Adds a flush packet, and takes everything. */
  end(): Uint8Array {
    this.packets(FLUSH);
    return this.take();
  }

  #encode(): void {
    if (this.#text === "") return;
    const bytes = encodeText(this.#text);
    this.#text = "";
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }
}

/** The bytes of a binary string, by the fast way where it is ASCII. */
function encodeText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  const { read, written } = encoder.encodeInto(text, bytes);
  const isAscii = read === text.length && written === text.length;
  return isAscii ? bytes : fromBinary(text);
}

/** What a listing shows, and how. */
export interface ListingStyle {
  /** The refs that are left out. */
  readonly hidden: HiddenRefs;
  /** How runs show what their tags peel to. */
  readonly form: PeeledForm;
  /** Adds one ref, in the same form; `peeled` is not asked for with "none". */
  add(sheet: PacketSheet, ref: RefRecord, peeled: Oid | undefined): void;
}

/** What a listing is made of. */
export interface ListingInit {
  /** The refs. */
  readonly refs: RefSnapshot;
  /** The objects, and whether the listing lasts. */
  readonly desk: Desk;
  /** The kernels in use. */
  readonly kernels: Pick<Kernels, "refLines">;
  /** The repository's format. */
  readonly format: ObjectFormat;
}

/**
 * Adds the refs with a prefix to a sheet, but those that are hidden or whose
 * objects are not here; yields pieces, and `undefined` between them.
 */
export function* listRefs(
  sheet: PacketSheet,
  prefix: string,
  init: ListingInit,
  style: ListingStyle,
): Generator<Uint8Array | undefined, void, void> {
  const { refs, kernels, format } = init;
  const lines = style.hidden.isEmpty ? kernels.refLines : undefined;
  let count = 0;
  const parts = lines === undefined ? undefined : refs.runs?.(prefix);
  for (const part of parts ?? refs.list(prefix)) {
    if ("bytes" in part) {
      if (lines === undefined || !addRun(sheet, part, init, style, lines)) {
        yield* addRecords(sheet, part, init, style, format);
      }
      yield undefined;
    } else {
      addRecord(sheet, part, init, style);
      if (++count % REFS_PER_TURN === 0) yield undefined;
    }
    if (sheet.full) yield sheet.take();
  }
}

/** Adds a run as it is; false where some object is not surely here. */
function addRun(
  sheet: PacketSheet,
  run: RefRun,
  { desk, format }: ListingInit,
  { form }: ListingStyle,
  lines: RefLines,
): boolean {
  const { packets, ids } = lines.encode(run.bytes, format.hexLength, form);
  if (desk.objects.hasAll?.(ids) !== true) return false;
  sheet.packets(packets);
  return true;
}

function* addRecords(
  sheet: PacketSheet,
  run: RefRun,
  init: ListingInit,
  style: ListingStyle,
  format: ObjectFormat,
): Generator<Uint8Array | undefined, void, void> {
  let count = 0;
  for (const record of recordsOf(run, format)) {
    addRecord(sheet, record, init, style);
    if (++count % REFS_PER_TURN === 0) yield undefined;
  }
}

function addRecord(
  sheet: PacketSheet,
  ref: RefRecord,
  { desk }: ListingInit,
  style: ListingStyle,
): void {
  if (style.hidden.hides(ref.name)) return;
  const number = shownObject(desk.objects, ref);
  if (number < 0) {
    // The object may come, and the ref with it.
    desk.isLasting = false;
    return;
  }
  const peeled = style.form === "none"
    ? undefined
    : peeledOid(desk.objects, number, ref.peeled);
  style.add(sheet, ref, peeled);
}

/** The records of a run. */
function* recordsOf(
  run: RefRun,
  { hexLength }: ObjectFormat,
): Generator<RefRecord, void, void> {
  const lines = toBinary(run.bytes).split("\n");
  for (let i = 0; i < lines.length - 1; i++) {
    const line = lines[i] as string;
    const next = lines[i + 1] as string;
    const isTag = next.startsWith("^");
    yield {
      oid: line.slice(0, hexLength) as Oid,
      name: line.slice(hexLength + 1) as RefName,
      peeled: isTag ? next.slice(1) as Oid : null,
    };
    if (isTag) i++;
  }
}
