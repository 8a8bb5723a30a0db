/**
 * The bounds of one pack as it is taken in.
 *
 * @module
 */

import type { IntakeLimits } from "../../storage/writes.ts";
import { GROUND, type ReceiveSettings } from "./settings.ts";

/**
 * Bounds of which one grows with what has arrived: what objects may come to. A
 * small pack that comes to much is refused, a large one may come to more. Who
 * takes the pack in has to ask anew at each check, and must not copy the value
 * before the last byte has been read. `arrived` tells how many have.
 */
export function arrivingLimits(
  settings: ReceiveSettings,
  arrived: () => number,
): IntakeLimits {
  const { limits, maxInputBytes } = settings;
  const { maxObjectBytes, maxHeldBytes, maxObjects, maxDeltaDepth } = limits;
  const { maxInflatedBytes: most, maxInflation: times } = limits;
  return {
    ...{ maxInputBytes, maxObjectBytes, maxHeldBytes },
    ...{ maxObjects, maxDeltaDepth },
    get maxInflatedBytes() {
      if (times <= 0) return most;
      const share = GROUND + times * arrived();
      return most > 0 ? Math.min(most, share) : share;
    },
  };
}
