/**
 * A git:// conversation's socket, over HTTP/1.1: what the conversation says
 * becomes a request, what it reads is the answers' bodies. One connection for
 * all requests, as git's client keeps it. Protocol v2 alone, whose messages
 * stand by themselves.
 *
 * @see https://git-scm.com/docs/gitprotocol-http
 * @module
 */

import { Buffer } from "node:buffer";
import type { Socket } from "./conversation.ts";

const HEAD_END = Buffer.from("\r\n\r\n");
const LINE_END = Buffer.from("\r\n");
/** What a conversation says when it leaves; over HTTP nobody says it. */
const GOODBYE = "0000";

/** Where in an answer the next byte belongs. */
type Place =
  | { readonly in: "head" }
  | { readonly in: "body"; left: number }
  | { readonly in: "chunk size" }
  | { readonly in: "chunk"; left: number }
  | { readonly in: "end" };

/** Speaks HTTP over `socket`. */
export class HttpSocket implements Socket {
  readonly #socket: Socket;
  readonly #path: string;
  #asked = 0;
  /** Bytes that were read and not given out. */
  #rest: Buffer = Buffer.alloc(0);
  #place: Place = { in: "end" };

  /** `path` is the repository's, with its slash. */
  constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const isFirst = this.#asked++ === 0;
    const body = Buffer.from(bytes);
    if (!isFirst && body.toString("latin1") === GOODBYE) return bytes.length;
    await this.#finish();
    const url = isFirst
      ? `GET ${this.#path}/info/refs?service=git-upload-pack`
      : `POST ${this.#path}/git-upload-pack`;
    const head = [
      `${url} HTTP/1.1`,
      "Host: 127.0.0.1",
      "User-Agent: git/2.39.5",
      "Accept-Encoding: deflate, gzip",
      "Git-Protocol: version=2",
      ...isFirst ? ["Accept: */*", "Pragma: no-cache"] : [
        "Content-Type: application/x-git-upload-pack-request",
        "Accept: application/x-git-upload-pack-result",
        `Content-Length: ${body.length}`,
      ],
    ].join("\r\n");
    const message = Buffer.concat([
      Buffer.from(`${head}\r\n\r\n`),
      ...isFirst ? [] : [body],
    ]);
    for (let at = 0; at < message.length;) {
      at += await this.#socket.write(message.subarray(at));
    }
    this.#place = { in: "head" };
    return bytes.length;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#place.in === "end") return null;
      if (this.#rest.length === 0) {
        const length = await this.#socket.read(buffer);
        if (length === null) return null;
        const count = this.#unwrap(
          buffer,
          Buffer.from(buffer.buffer, buffer.byteOffset, length),
        );
        if (count > 0) return count;
      } else {
        const rest = this.#rest;
        this.#rest = Buffer.alloc(0);
        const count = this.#unwrap(buffer, rest);
        if (count > 0) return count;
        if (this.#rest.length === rest.length) {
          const more = await this.#socket.read(buffer);
          if (more === null) return null;
          this.#rest = Buffer.concat([rest, buffer.subarray(0, more)]);
        }
      }
    }
  }

  /**
   * Puts the body bytes among `bytes`, which may lie in `into`, at the start
   * of that, and keeps what is not whole yet; returns how many there are.
   */
  #unwrap(into: Uint8Array, bytes: Buffer): number {
    let count = 0;
    let at = 0;
    while (at < bytes.length) {
      const place = this.#place;
      if (place.in === "end") break;
      if (place.in === "body" || place.in === "chunk") {
        const take = Math.min(place.left, bytes.length - at);
        into.set(bytes.subarray(at, at + take), count);
        count += take;
        at += take;
        place.left -= take;
        if (place.left > 0) break;
        if (place.in === "body") this.#place = { in: "end" };
        else {
          // The line end behind a chunk comes before the next size.
          this.#place = { in: "chunk size" };
        }
        continue;
      }
      const end = bytes.indexOf(
        place.in === "head" ? HEAD_END : LINE_END,
        place.in === "chunk size" && bytes[at] === 13 ? at + 2 : at,
      );
      if (end < 0) break;
      const line = bytes.toString("latin1", at, end).trim();
      at = end + (place.in === "head" ? 4 : 2);
      if (place.in === "head") this.#place = placeAfter(line);
      else {
        const size = parseInt(line, 16);
        this.#place = size === 0 ? { in: "end" } : { in: "chunk", left: size };
        if (size === 0) at = bytes.length;
      }
    }
    this.#rest = at < bytes.length
      ? Buffer.from(bytes.subarray(at))
      : Buffer.alloc(0);
    return count;
  }

  /** Reads what is left of the last answer: the end of its chunks. */
  async #finish(): Promise<void> {
    const waste = new Uint8Array(4096);
    while (this.#place.in !== "end") {
      if (await this.read(waste) === null) break;
    }
    this.#rest = Buffer.alloc(0);
  }
}

/** Throws for an answer that is no 200. */
function placeAfter(head: string): Place {
  if (!/^HTTP\/1\.1 200 /.test(head)) {
    throw new Error(`Server says: ${head.split("\r\n", 1)[0]}`);
  }
  const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
  if (length !== undefined) {
    const left = Number(length);
    return left === 0 ? { in: "end" } : { in: "body", left };
  }
  if (/^transfer-encoding: *chunked$/im.test(head)) return { in: "chunk size" };
  throw new Error("Cannot read the answer: neither length nor chunks");
}
