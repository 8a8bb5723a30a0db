/**
 * Pushes of one commit each, made before they are timed, and a client that
 * sends them over git:// and reads the report: git's own costs some ten
 * milliseconds a push, which would hide the servers.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_pushing_data_to_a_server
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { packetLine } from "./scanner.ts";

/** One push: a ref's old and new value, and the pack between them. */
export interface OnePush {
  readonly old: string;
  readonly new: string;
  readonly pack: Uint8Array;
}

/** The branch that is pushed to. */
export const BRANCH = "refs/heads/pushed";

const NOTHING = "0".repeat(40);
const TYPES = { commit: 1, tree: 2, blob: 3 };

/**
 * `count` commits on top of `tip`, each with a tree and a file of its own;
 * with another `label` they are others.
 */
export function oneCommitPushes(
  tip: string,
  count: number,
  label = "pushed",
): OnePush[] {
  const pushes: OnePush[] = [];
  let [old, parent] = [NOTHING, tip];
  for (let i = 0; i < count; i++) {
    const blob = object("blob", Buffer.from(`${label} ${i}\n`.repeat(20)));
    const tree = object(
      "tree",
      Buffer.concat([Buffer.from("100644 file\0"), blob.raw]),
    );
    const who = `Bench <bench@example.com> ${1_700_000_000 + i} +0000`;
    const commit = object(
      "commit",
      Buffer.from(
        `tree ${tree.raw.toString("hex")}\nparent ${parent}\n` +
          `author ${who}\ncommitter ${who}\n\nPush ${i}\n`,
      ),
    );
    parent = commit.raw.toString("hex");
    pushes.push({ old, new: parent, pack: packOf([commit, tree, blob]) });
    old = parent;
  }
  return pushes;
}

interface MadeObject {
  readonly raw: Buffer;
  readonly entry: Buffer;
}

function object(type: keyof typeof TYPES, data: Uint8Array): MadeObject {
  const hash = createHash("sha1").update(`${type} ${data.length}\0`);
  const head: number[] = [];
  let size = data.length >>> 4;
  let byte = TYPES[type] << 4 | data.length & 15;
  while (size > 0) {
    head.push(byte | 0x80);
    byte = size & 0x7f;
    size >>>= 7;
  }
  head.push(byte);
  return {
    raw: hash.update(data).digest(),
    entry: Buffer.concat([Buffer.from(head), deflateSync(data)]),
  };
}

function packOf(objects: readonly MadeObject[]): Uint8Array {
  const head = Buffer.from("PACK\0\0\0\x02\0\0\0\0");
  head.writeUInt32BE(objects.length, 8);
  const body = Buffer.concat([head, ...objects.map(({ entry }) => entry)]);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

/**
 * Makes one push over a connection of its own.
 *
 * @throws {Error} unless the report says that the ref was updated
 */
export async function pushOne(
  port: number,
  path: string,
  push: OnePush,
): Promise<void> {
  using socket = await Deno.connect({ hostname: "127.0.0.1", port });
  socket.setNoDelay();
  const hello = `git-receive-pack ${path}\0host=127.0.0.1\0`;
  const length = (hello.length + 4).toString(16).padStart(4, "0");
  await send(socket, Buffer.from(length + hello, "latin1"));
  const reader = new Reader(socket);
  // The advertisement.
  while ((await reader.packet()) !== undefined);
  const command = packetLine(
    `${push.old} ${push.new} ${BRANCH}\0report-status quiet agent=bench`,
  );
  await send(
    socket,
    Buffer.concat([Buffer.from(`${command}0000`, "latin1"), push.pack]),
  );
  const report: string[] = [];
  for (;;) {
    const line = await reader.packet();
    if (line === undefined) break;
    report.push(line.trimEnd());
  }
  if (report.join("|") !== `unpack ok|ok ${BRANCH}`) {
    throw new Error(`Cannot push: ${report.join("; ")}`);
  }
}

async function send(socket: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await socket.write(bytes.subarray(at));
  }
}

/** Packets of one connection, as text; `undefined` is a flush. */
class Reader {
  readonly #socket: Deno.Conn;
  #bytes = Buffer.alloc(0);

  constructor(socket: Deno.Conn) {
    this.#socket = socket;
  }

  async packet(): Promise<string | undefined> {
    const length = parseInt((await this.#take(4)).toString("latin1"), 16);
    if (length === 0) return undefined;
    const line = (await this.#take(length - 4)).toString("latin1");
    if (line.startsWith("ERR ")) throw new Error(`Server says: ${line}`);
    return line;
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#bytes.length < count) {
      const chunk = Buffer.alloc(16 * 1024);
      const read = await this.#socket.read(chunk);
      if (read === null) throw new Error("Server ended the connection");
      this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, read)]);
    }
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }
}
