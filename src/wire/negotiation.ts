/**
 * What upload-pack answers to each line of a negotiation, as pure state
 * machines: `single` (no capability), `multi_ack` and `multi_ack_detailed` of
 * v0 and v1, and the acknowledgments of v2. Which objects are here, and whether
 * enough is known, is told to them.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_packfile_negotiation
 * @module
 */

import type { Oid } from "../core/oid.ts";
import type { CapabilityList } from "./capabilities.ts";

/** How much a client understands of acknowledgments. */
export type AckMode = "single" | "multi" | "multi-detailed";

/** The mode that the capabilities ask for; the more detailed one counts. */
export function ackMode(capabilities: CapabilityList): AckMode {
  if (capabilities.has("multi_ack_detailed")) return "multi-detailed";
  return capabilities.has("multi_ack") ? "multi" : "single";
}

/** What the answer to a line depends on. */
export interface AckState {
  /** How many distinct objects the client is known to have. */
  readonly common: number;
  /**
   * Whether every want is reached from what the client has
   * (upload-pack.c: ok_to_give_up). Asked only where the answer depends on it.
   */
  readonly ready: () => boolean;
}

/**
 * The answers of v0 and v1: upload-pack.c, get_common_commits. Each call
 * returns the lines to send, without line feeds.
 */
export class Acknowledger {
  #mode: AckMode;
  #last: Oid | undefined;
  #gotCommon = false;
  #gotOther = false;
  #sentReady = false;
  readonly #noDone: boolean;

  /**
   * The answers in one mode. With `noDone` the flush of a round in which
   * "ready" was said ends the negotiation.
   */
  constructor(mode: AckMode, options: { readonly noDone?: boolean } = {}) {
    this.#mode = mode;
    this.#noDone = options.noDone ?? false;
  }

  /**
   * Whether the last `flush` ended the negotiation: its lines were followed by
   * those of `done`, and the pack is due.
   */
  get ended(): boolean {
    return this.#noDone && this.#sentReady;
  }

  /** A `have` of an object that is here; `state` counts it already. */
  have(oid: Oid, state: AckState): readonly string[] {
    this.#gotCommon = true;
    this.#last = oid;
    switch (this.#mode) {
      case "multi-detailed":
        return [`ACK ${oid} common`];
      case "multi":
        return [`ACK ${oid} continue`];
      case "single":
        return state.common === 1 ? [`ACK ${oid}`] : [];
    }
  }

  /** A `have` of an object that is not here. */
  haveUnknown(oid: Oid, state: AckState): readonly string[] {
    this.#gotOther = true;
    if (this.#mode === "single" || !state.ready()) return [];
    if (this.#mode === "multi") return [`ACK ${oid} continue`];
    this.#sentReady = true;
    return [`ACK ${oid} ready`];
  }

  /** The flush at the end of a round. */
  flush(state: AckState): readonly string[] {
    const lines: string[] = [];
    const mayBeReady = this.#mode === "multi-detailed" && this.#gotCommon &&
      !this.#gotOther;
    if (mayBeReady && state.ready()) {
      this.#sentReady = true;
      lines.push(`ACK ${this.#last} ready`);
    }
    if (state.common === 0 || this.#mode !== "single") lines.push("NAK");
    if (this.ended) lines.push(...this.done(state));
    this.#gotCommon = false;
    this.#gotOther = false;
    return lines;
  }

  /** `done`: what precedes the pack. */
  done(state: AckState): readonly string[] {
    if (state.common === 0) return ["NAK"];
    return this.#mode === "single" ? [] : [`ACK ${this.#last}`];
  }
}

/**
 * The lines of the section `acknowledgments` of v2, its title included,
 * without line feeds: upload-pack.c, send_acks.
 */
export function acknowledgments(
  common: readonly Oid[],
  options: { readonly ready: boolean },
): string[] {
  const lines = ["acknowledgments"];
  if (common.length === 0) lines.push("NAK");
  for (const oid of common) lines.push(`ACK ${oid}`);
  if (options.ready) lines.push("ready");
  return lines;
}
