/**
 * Text for a client's terminal or its output, in as many packets as it takes.
 *
 * @module
 */

import { SIDE_BAND_64K_MAX } from "../../pktline/side_band.ts";
import type { PacketWriter } from "../../pktline/writer.ts";

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
