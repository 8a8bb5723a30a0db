/**
 * A TCP port that leads to another and may stop in the middle: what a killed
 * client or a proxy that gives up do to a transfer.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";

/** Where a relay stops. */
export interface Cut {
  /** Whose bytes are counted. */
  readonly from: "client" | "server";
  /** So many of them go through, over all connections. */
  readonly bytes: number;
  /** Whether connections end then, or only `reached` tells of it. */
  readonly then: "ends" | "goes on";
}

/** A relay that listens. */
export interface Relay {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** Resolves when so many bytes have gone through. */
  readonly reached: Promise<void>;
  /** Ends all connections, and listens no more. */
  close(): void;
}

/** Starts a relay to `port` of 127.0.0.1. */
export async function startRelay(port: number, cut: Cut): Promise<Relay> {
  const reached = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  let left = cut.bytes;
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const end = (): void => {
      near.destroy();
      far.destroy();
    };
    const pass = (from: Socket, to: Socket, counts: "counts" | "all"): void => {
      sockets.add(from);
      from.on("error", end);
      from.on("close", () => sockets.delete(from));
      from.on("end", () => to.end());
      from.on("data", (chunk: Buffer) => {
        if (counts === "counts") left -= chunk.length;
        if (left < 0) reached.resolve();
        if (left < 0 && cut.then === "ends") return end();
        if (to.write(chunk)) return;
        from.pause();
        to.once("drain", () => from.resume());
      });
    };
    pass(near, far, cut.from === "client" ? "counts" : "all");
    pass(far, near, cut.from === "server" ? "counts" : "all");
  });
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  const address = server.address();
  return {
    port: typeof address === "object" ? address?.port ?? 0 : 0,
    reached: reached.promise,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
