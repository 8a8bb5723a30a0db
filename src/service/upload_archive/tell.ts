/**
 * Text for a client's terminal or its output, in as many packets as it takes.
 *
 * @module
 */

import { SIDE_BAND_64K_MAX } from "../../pktline/side_band.ts";
import type { PacketWriter } from "../../pktline/writer.ts";

/** usage.c: vreportf, whose buffer holds so much and a line feed. */
const MAX_REPORT = 4095;

/** A line as git reports it: cut, and without what moves a terminal's cursor. */
export function report(line: string): string {
  // deno-lint-ignore no-control-regex
  const shown = line.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "?");
  return `${shown.slice(0, MAX_REPORT)}\n`;
}

/** Gathers `text`, a binary string, for a band. */
export function tell(
  writer: PacketWriter,
  band: 1 | 2 | 3,
  text: string,
): void {
  for (let at = 0; at < text.length; at += SIDE_BAND_64K_MAX) {
    writer.putBand(band, text.slice(at, at + SIDE_BAND_64K_MAX));
  }
}
