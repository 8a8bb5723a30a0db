/**
 * Listeners to pushes that are in another thread: events go there in messages,
 * and verdicts come back.
 *
 * @module
 */

import type {
  PushEventName,
  PushFacts,
  PushListeners,
  PushVerdict,
  TellingContext,
} from "../service/receive_pack/push_events.ts";
import type { FromWorker } from "./errand_messages.ts";

type Outgoing = Omit<Extract<FromWorker, { type: "tell" }>, "id">;

/** What one errand tells the thread that it came from. */
export class RemoteListeners implements PushListeners {
  readonly heard: readonly PushEventName[];
  readonly #send: (message: Outgoing) => void;
  readonly #waiting = new Map<number, (verdict: PushVerdict) => void>();
  #asks = 0;

  /** Nothing was told yet. */
  constructor(
    heard: readonly PushEventName[],
    send: (message: Outgoing) => void,
  ) {
    this.heard = heard;
    this.#send = send;
  }

  async tell(
    event: PushEventName,
    facts: PushFacts,
    { signal }: TellingContext,
  ): Promise<PushVerdict> {
    signal.throwIfAborted();
    const ask = ++this.#asks;
    const verdict = Promise.withResolvers<PushVerdict>();
    const abort = () => verdict.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    this.#waiting.set(ask, verdict.resolve);
    try {
      this.#send({ type: "tell", ask, event, facts });
      return await verdict.promise;
    } finally {
      this.#waiting.delete(ask);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Takes the verdict on what was told as number `ask`. */
  told(ask: number, verdict: PushVerdict): void {
    this.#waiting.get(ask)?.(verdict);
  }
}
