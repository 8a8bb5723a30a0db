/**
 * What servers of both runtimes do when a certificate is renewed: a second
 * server listens on the port, and the first one leaves. Both runtimes close
 * connections that have not sent their first request when a server ends, and
 * do not tell of them, so it ends when nobody has asked it for a while.
 *
 * @module
 */

import type { TlsPair } from "../core/http_host.ts";

/** A server that was asked nothing for so long may end, ... */
const QUIET_MS = 300;
/** ... less and less of it within this time, and whatever comes then. */
const PATIENCE_MS = 3000;
const LOOK_MS = 5;

/** Whether there is nothing to renew. */
export function isSamePair(a: TlsPair, b: TlsPair): boolean {
  return a.cert === b.cert && a.key === b.key;
}

/** Finds the moment at which a server that leaves may end. */
export class Leave {
  #asked = 0;

  /** Takes note of a request to the server that leaves. */
  asked(): void {
    this.#asked++;
  }

  /** Resolves when it may end, or soon after `isOver` is true. */
  async quiet(isOver: () => boolean): Promise<void> {
    const since = performance.now();
    let [last, asked, quiet] = [since, this.#asked, 0];
    while (!isOver()) {
      const now = performance.now();
      // While this process did not run, it could not have been asked.
      const passed = Math.min(now - last, 2 * LOOK_MS);
      quiet = this.#asked === asked ? quiet + passed : 0;
      asked = this.#asked;
      last = now;
      if (quiet >= QUIET_MS * (1 - (now - since) / PATIENCE_MS)) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

/** Asks the client not to keep the connection. */
export function askToLeave(response: Response): Response {
  // Whoever closes a kept connection may cross the client's next request.
  response.headers.set("Connection", "close");
  return response;
}
