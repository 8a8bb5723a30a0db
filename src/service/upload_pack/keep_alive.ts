/**
 * Signs of life while a pack is being prepared.
 *
 * @module
 */

import { EMPTY_BYTES } from "../../core/bytes.ts";
import type { Conversation } from "../conversation.ts";
import { keepAliveSeconds } from "./settings.ts";

/**
 * Sends an empty packet of band 1 after some silence, as upload-pack.c:
 * create_pack_file does. The period is `uploadpack.keepAlive` seconds, which 0
 * and less switch off, or the session's limit.
 */
export class KeepAlive {
  #conversation: Conversation;
  #band: 1 | 2;
  #periodMs: number;
  #lastAt: number;

  /** Signs of life for a client that has bands, on band 1 unless told. */
  constructor(
    conversation: Conversation,
    options: { readonly hasBands: boolean; readonly band?: 1 | 2 },
  ) {
    const { repository, limits, clock } = conversation.context;
    const seconds = keepAliveSeconds(repository.config);
    const period = seconds === undefined ? limits.keepAliveMs : seconds * 1000;
    this.#conversation = conversation;
    this.#band = options.band ?? 1;
    this.#periodMs = options.hasBands && period > 0 ? period : Infinity;
    this.#lastAt = clock.monotonic();
  }

  /** Sends what was gathered: the peer has heard something. */
  async speak(): Promise<void> {
    this.#lastAt = this.#conversation.context.clock.monotonic();
    await this.#conversation.writer.send();
  }

  /**
   * Called between slices of work that had nothing to say. What was gathered
   * before the work began is not held back.
   */
  async beat(): Promise<void> {
    const { writer, context } = this.#conversation;
    await writer.send();
    if (context.clock.monotonic() - this.#lastAt < this.#periodMs) return;
    writer.putBand(this.#band, EMPTY_BYTES);
    await this.speak();
  }
}
