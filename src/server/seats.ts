/**
 * How many are served at once: one count for a server, whichever transport
 * they come by. Over HTTP no address has all of it, so that whoever takes
 * places keeps nobody else out.
 *
 * @module
 */

/** Of four places, so many may be one address's. */
const SHARE = 3 / 4;

/** So many places for connections and requests that are under way. */
export class Seats {
  readonly #most: number;
  readonly #share: number;
  readonly #byOrigin = new Map<string, number>();
  #taken = 0;

  /** `most` is the limit `maxConnections`; 0 is no limit. */
  constructor(most: number) {
    this.#most = most === 0 ? Infinity : most;
    this.#share = Math.ceil(this.#most * SHARE);
  }

  /** How many are taken. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes one, to be given back by a call, once; `undefined`: there is none
   * left, or none for `address`, where that is to have its share alone.
   */
  take(address = ""): (() => void) | undefined {
    const origin = originOf(address);
    const own = this.#byOrigin.get(origin) ?? 0;
    const share = origin === "" ? this.#most : this.#share;
    if (this.#taken >= this.#most || own >= share) return undefined;
    this.#taken++;
    this.#byOrigin.set(origin, own + 1);
    let isTaken = true;
    return () => {
      if (isTaken) this.#leave(origin);
      isTaken = false;
    };
  }

  #leave(origin: string): void {
    this.#taken--;
    const left = (this.#byOrigin.get(origin) ?? 0) - 1;
    if (left > 0) this.#byOrigin.set(origin, left);
    else this.#byOrigin.delete(origin);
  }
}

/**
 * What counts as one address: of IPv6 what is given to one household, the
 * first 64 bits. "" for this machine, where web servers in front ask for
 * others, and for what is not known.
 */
export function originOf(address: string): string {
  if (address === "::1" || /^127\.\d+\.\d+\.\d+$/.test(address)) return "";
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%")[0]?.split("::") ?? [];
  const front = head.split(":").filter((group) => group !== "");
  const back = tail?.split(":").filter((group) => group !== "") ?? [];
  const zeros = Array(Math.max(0, 8 - front.length - back.length)).fill("0");
  return [...front, ...(tail === undefined ? [] : zeros), ...back]
    .slice(0, 4).join(":");
}
