/**
 * Hand-made pushes: the bytes of commands and a pack, and what a server said.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parsePackets, pkt } from "../wire_client.ts";

/** One ref that is to change. */
export interface RawCommand {
  readonly name: string;
  readonly old: string;
  readonly new: string;
}

/** The zero id. */
export const ZERO: string = "0".repeat(40);

/** A push without side-band: commands, a flush, and the pack if there is one. */
export function rawPush(
  commands: readonly RawCommand[],
  pack: Uint8Array,
  capabilities = "report-status quiet",
): Uint8Array {
  return Buffer.concat([
    ...commands.map((each, i) =>
      pkt(
        `${each.old} ${each.new} ${each.name}` +
          (i === 0 ? `\0 ${capabilities} agent=test` : ""),
      )
    ),
    Buffer.from("0000"),
    pack,
  ]);
}

/**
 * The lines of a report in a server's whole output, the advertisement first;
 * none where it did not come so far. What was cut off is left out.
 */
export function reportIn(output: Uint8Array): string[] {
  const packets = parsePackets(output, "lenient");
  // The first flush ends the advertisement, the second the report.
  const start = packets.findIndex((each) => each.type === "flush") + 1;
  if (start === 0) return [];
  const lines: string[] = [];
  for (const packet of packets.slice(start)) {
    if (packet.type !== "data") break;
    lines.push(packet.text.trimEnd());
  }
  return lines;
}

/** The report of a server that ended well. */
export function wholeReport(output: Uint8Array): string[] {
  // Throws where a packet is cut off.
  parsePackets(Buffer.from(output));
  return reportIn(output);
}

/** The value of a loose or packed ref, read without git; "" where none is. */
export function refIn(directory: string, name: string): string {
  const loose = join(directory, name);
  if (existsSync(loose)) return readFileSync(loose, "latin1").trim();
  const packed = join(directory, "packed-refs");
  if (!existsSync(packed)) return "";
  const line = readFileSync(packed, "latin1").split("\n").find((each) =>
    each.endsWith(` ${name}`)
  );
  return line?.split(" ")[0] ?? "";
}
