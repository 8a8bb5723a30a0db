/**
 * HTTP as bytes on a socket, for what no client would send.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { eventually, pause } from "./server.ts";

/** How a connection looks after a while. */
export interface RawOutcome {
  /** The statuses that were answered, in order. */
  readonly statuses: readonly number[];
  /** Whether the server has closed it. */
  readonly isClosed: boolean;
  /** All that came. */
  readonly text: string;
}

const DEADLINE_MS = 10_000;
const CLOSED_EARLY = "Closed in the handshake";

/** One connection. */
export class RawHttp {
  /** The name in the server's certificate. */
  readonly subject: string;
  /** Bytes that have come. */
  received = 0;
  readonly #socket: Socket;
  #text = "";
  #isClosed = false;

  private constructor(socket: Socket, subject = "") {
    this.subject = subject;
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.length;
      if (this.#text.length < 1 << 20) this.#text += chunk.toString("latin1");
    });
    socket.on("error", () => this.#isClosed = true);
    socket.on("end", () => this.#isClosed = true);
    socket.on("close", () => this.#isClosed = true);
  }

  /** Connects; rejects with the system's error. */
  static connect(port: number, host = "127.0.0.1"): Promise<RawHttp> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RawHttp(socket));
      });
    });
  }

  /** Connects with TLS, whatever the certificate. */
  static connectTls(port: number, host = "127.0.0.1"): Promise<RawHttp> {
    return new Promise((resolve, reject) => {
      const socket: TLSSocket = connectTls({
        port,
        host,
        rejectUnauthorized: false,
      });
      const fail = () => reject(new Error(CLOSED_EARLY));
      socket.once("error", reject);
      socket.once("close", fail);
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        socket.off("close", fail);
        const { subject } = socket.getPeerCertificate();
        resolve(new RawHttp(socket, String(subject?.CN ?? "")));
      });
    });
  }

  /**
   * Connects with TLS, again where the connection was reset: while a
   * certificate is renewed, one whose handshake is under way may be.
   */
  static async connectTlsAgain(port: number): Promise<RawHttp> {
    for (let left = 10;; left--) {
      try {
        return await RawHttp.connectTls(port);
      } catch (error) {
        const isReset = (error as { code?: string }).code === "ECONNRESET" ||
          (error as Error).message === CLOSED_EARLY;
        if (!isReset || left === 0) throw error;
      }
    }
  }

  /** Sends text, a byte for each character. */
  send(text: string): void {
    if (!this.#isClosed) this.#socket.write(text, "latin1");
  }

  /** Sends our end. */
  end(): void {
    this.#socket.end();
  }

  /** Reads no more until {@linkcode RawHttp.resume}. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#socket.resume();
  }

  /** Drops it. */
  close(): void {
    this.#socket.destroy();
  }

  /** Waits until what came has `sign`. */
  async until(sign: RegExp): Promise<string> {
    await eventually(
      `an answer with ${sign}`,
      () => sign.test(this.#text),
      DEADLINE_MS,
    );
    return this.#text;
  }

  /** Takes one answer, which may be in chunks or end the connection. */
  async answer(): Promise<string> {
    let end = 0;
    await eventually("a whole answer", () => {
      const head = this.#text.indexOf("\r\n\r\n") + 4;
      if (head < 4) return false;
      const length = /^content-length: (\d+)/im.exec(
        this.#text.slice(0, head),
      )?.[1];
      const last = this.#text.indexOf("\r\n0\r\n\r\n", head - 2);
      const isChunked = /^transfer-encoding: chunked/im.test(
        this.#text.slice(0, head),
      );
      end = length !== undefined
        ? head + Number(length)
        : isChunked && last >= 0
        ? last + 7
        : Infinity;
      return this.#text.length >= end || this.#isClosed;
    }, DEADLINE_MS);
    const text = this.#text.slice(0, end);
    this.#text = this.#text.slice(text.length);
    return text;
  }

  /** Waits until the server has closed it. */
  async ended(deadline = DEADLINE_MS): Promise<void> {
    await eventually("the server closes", () => this.#isClosed, deadline);
  }

  /** Waits until `count` does not change any more. */
  async settled(count: () => number): Promise<void> {
    let last = -1;
    let same = 0;
    await eventually("nothing changes", async () => {
      await pause(20);
      same = count() === last ? same + 1 : 0;
      last = count();
      return same >= 10;
    });
  }

  /** What has come once a first status is there, or the server has closed. */
  async outcome(deadline = DEADLINE_MS): Promise<RawOutcome> {
    await eventually(
      "a status or an end",
      () => this.#isClosed || /^HTTP\/1\.[01] [2-5]/m.test(this.#text),
      deadline,
    ).catch(() => {});
    return this.seen();
  }

  /** What has come so far. */
  seen(): RawOutcome {
    const statuses = [...this.#text.matchAll(/HTTP\/1\.[01] (\d{3})/g)]
      .map(([, status]) => Number(status));
    return { statuses, isClosed: this.#isClosed, text: this.#text };
  }
}
