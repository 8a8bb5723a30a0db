/**
 * The report that ends a push: how the pack fared, and each ref.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_report_status
 * @module
 */

import { concatBytes, fromBinary } from "../core/bytes.ts";
import type { Oid } from "../core/oid.ts";
import {
  encodePacket,
  FLUSH,
  LARGE_PACKET_DATA_MAX,
} from "../pktline/packet.ts";

/** What became of a command in another way than it was asked: v2 alone. */
export interface RefReport {
  /** The ref that was updated in its place. */
  readonly name?: string;
  /** What that was. */
  readonly old?: Oid;
  /** What it is. */
  readonly new?: Oid;
  /** Whether history was rewritten. */
  readonly isForced?: boolean;
}

/** One command as it is reported. */
export interface CommandReport {
  /** The ref, as the client named it: a binary string. */
  readonly name: string;
  /** Why it was not carried out, in git's words. */
  readonly error?: string;
  /** What was done in its place. */
  readonly reports?: readonly RefReport[];
}

/** What is reported. */
export interface PushReport {
  /** What the pack was refused for; "ok" where it was not. */
  readonly unpack: string;
  /** The commands, in the client's order. */
  readonly commands: readonly CommandReport[];
}

/**
 * A report as packets that end with a flush (builtin/receive-pack.c: report,
 * report_v2): the packets of the connection itself, or what goes on band 1.
 */
export function encodeReport(
  { unpack, commands }: PushReport,
  version: "v1" | "v2",
): Uint8Array<ArrayBuffer> {
  const packets: Uint8Array[] = [packet(`unpack ${unpack}`)];
  for (const { name, error, reports = [] } of commands) {
    if (error !== undefined) {
      packets.push(packet(`ng ${name} ${error}`));
      continue;
    }
    packets.push(packet(`ok ${name}`));
    if (version === "v1") continue;
    reports.forEach((report, i) => {
      if (i > 0) packets.push(packet(`ok ${name}`));
      for (const option of optionsOf(report)) {
        packets.push(packet(`option ${option}`));
      }
    });
  }
  packets.push(FLUSH);
  return concatBytes(packets);
}

function* optionsOf(report: RefReport): Generator<string, void, void> {
  if (report.name !== undefined) yield `refname ${report.name}`;
  if (report.old !== undefined) yield `old-oid ${report.old}`;
  if (report.new !== undefined) yield `new-oid ${report.new}`;
  if (report.isForced === true) yield "forced-update";
}

/** One line. A line feed in a name would make two of it. */
function packet(line: string): Uint8Array {
  const cut = line.replaceAll("\n", " ").slice(0, LARGE_PACKET_DATA_MAX - 1);
  return encodePacket(fromBinary(`${cut}\n`));
}
