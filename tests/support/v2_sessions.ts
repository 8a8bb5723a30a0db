/**
 * Seeded sessions of protocol v2, each of a few requests of which the last may
 * be broken in one way; and two servers' answers to one of them, made
 * comparable.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Random } from "./random.ts";
import { packets, toBuffer } from "./wire_client.ts";

/** What requests may name. */
export interface V2Material {
  /** Objects that are here. */
  readonly objects: readonly string[];
  /** Refs that are shown. */
  readonly refs: readonly string[];
  /** Names of no ref, or of a hidden one. */
  readonly absentRefs: readonly string[];
  /** Whether `ref-in-want` and `sideband-all` are advertised. */
  readonly features: "on" | "off";
}

/** One packet: its payload, or the four digits of a special one. */
type Part = string;

/** Whether other requests follow in the session. */
type Place = "more follow" | "last";

const ABSENT = "12".repeat(20);
const WORDS = ["thin-pack", "ofs-delta", "no-progress"];

/** Makes sessions. */
export class V2Sessions {
  readonly #random: Random;
  readonly #material: V2Material;

  constructor(random: Random, material: V2Material) {
    this.#random = random;
    this.#material = material;
  }

  /** All that a client says in the next one. */
  next(): Buffer {
    const random = this.#random;
    const whole = Array.from(
      { length: random.int(3) },
      () => this.#request("more follow"),
    );
    if (random.int(3) === 0) {
      const lasts = [...whole, this.#request("last")].flat();
      return toBuffer(packets(...lasts, "0000"));
    }
    const broken = this.#broken();
    return Buffer.concat([toBuffer(packets(...whole.flat())), broken]);
  }

  #some<T>(from: readonly T[], most: number): T[] {
    const count = this.#random.int(most + 1);
    return Array.from({ length: count }, () => this.#random.pick(from));
  }

  #request(place: Place): Part[] {
    const random = this.#random;
    const name = random.pick(["ls-refs", "fetch", "fetch", "object-info"]);
    const heads = [`command=${name}`, "agent=x", "object-format=sha1\n"];
    if (random.int(3) === 0) heads.push("server-option=a=b");
    // The order is free.
    if (random.int(2) === 0) heads.reverse();
    const args = name === "ls-refs"
      ? this.#lsRefs()
      : name === "fetch"
      ? this.#fetch(place)
      : this.#objectInfo();
    const feed = random.pick(["", "\n"]);
    return args.length === 0 && random.int(2) === 0
      ? [...heads, "0000"]
      : [...heads, "0001", ...args.map((arg) => arg + feed), "0000"];
  }

  #lsRefs(): string[] {
    return this.#some([
      "peel",
      "symrefs",
      "unborn",
      "ref-prefix refs/heads/",
      "ref-prefix HEAD",
      "ref-prefix refs/t",
      "ref-prefix none",
    ], 4);
  }

  #fetch(place: Place): string[] {
    const random = this.#random;
    const { objects, refs, features } = this.#material;
    const hasAll = features === "on";
    const args: string[] = [];
    if (hasAll && random.int(2) === 0) args.push("sideband-all");
    args.push(...this.#some(objects, 2).map((oid) => `want ${oid}`));
    // A boundary stays with git's process, and answers what is asked next.
    const deepens = place === "last" && random.int(3) === 0;
    // git's own clients cannot read what git says to both.
    if (hasAll && !deepens) {
      args.push(...this.#some(refs, 2).map((ref) => `want-ref ${ref}`));
    }
    args.push(...this.#some(WORDS, 3));
    args.push(
      ...this.#some([...objects, ABSENT], 2).map((oid) => `have ${oid}`),
    );
    if (deepens) args.push(`deepen ${1 + random.int(3)}`);
    if (random.int(4) === 0) args.push("wait-for-done");
    if (random.int(6) === 0) args.push("packfile-uris https,http");
    if (random.int(2) === 0) args.push("done");
    return args;
  }

  #objectInfo(): string[] {
    // Without "size" git 2.39 looks at memory that it has not set.
    return [
      "size",
      ...this.#some([...this.#material.objects, ABSENT], 4)
        .map((oid) => `oid ${oid}`),
    ];
  }

  #broken(): Buffer {
    const random = this.#random;
    const request = this.#request("last");
    const delim = request.indexOf("0001");
    const inHead = random.int(delim < 0 ? request.length : delim + 1);
    const inArgs = delim < 0
      ? request.length - 1
      : delim + 1 + random.int(request.length - delim - 1);
    const insert = (at: number, ...parts: readonly Part[]): Buffer =>
      toBuffer(packets(
        ...request.slice(0, at),
        ...parts,
        ...request.slice(at),
      ));
    const raw = (at: number, bytes: string): Buffer =>
      Buffer.concat([
        toBuffer(packets(...request.slice(0, at))),
        toBuffer(bytes),
        toBuffer(packets(...request.slice(at))),
      ]);
    const ways: readonly (() => Buffer)[] = [
      () => insert(inHead, "command=frob"),
      () => insert(inHead, "command=agent"),
      () => insert(inHead, "command=fetch=1"),
      () => insert(inHead, "command=ls-refs", "command=fetch"),
      () => insert(inHead, random.pick(["frob", "fetch", "agents=x", ""])),
      () => insert(inHead, "session-id=abc"),
      () => insert(inHead, "object-format=md5"),
      () => insert(inHead, "object-format=sha256"),
      () => insert(inHead, "object-format"),
      () => insert(inHead, "peel"),
      () => toBuffer(packets("agent=x", random.pick(["0000", "0001"]))),
      () => toBuffer(packets("0001", "peel", "0000")),
      () => insert(inArgs, "frob"),
      () => insert(inArgs, ""),
      () => insert(inArgs, "filter blob:none"),
      () => insert(inArgs, `want zz`),
      () => insert(inArgs, "have 12"),
      () => insert(inArgs, "oid zz"),
      () => insert(inArgs, "deepen x"),
      () => insert(inArgs, "shallow zz"),
      () => insert(inArgs, "0001"),
      () => raw(inArgs, "0002"),
      () => raw(inHead, "0002"),
      () => raw(inArgs, random.pick(["0003", "fff4", "zzzz", "-001"])),
      () => insert(inArgs, "ERR gone"),
      () => this.#refused(),
      () => {
        const all = toBuffer(packets(...request));
        return all.subarray(0, 1 + random.int(all.length - 1));
      },
    ];
    return random.pick(ways)();
  }

  /** A fetch of what cannot be had. */
  #refused(): Buffer {
    const { objects, absentRefs } = this.#material;
    const wrong = this.#random.pick([
      `want ${ABSENT}`,
      ...absentRefs.map((ref) => `want-ref ${ref}`),
    ]);
    return toBuffer(packets(
      "command=fetch",
      "0001",
      `want ${this.#random.pick(objects)}`,
      wrong,
      "done",
      "0000",
    ));
  }
}

/** What a program left behind: see `tests/support/git.ts`. */
interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * What git has answered, a line for each packet behind the advertisement. It
 * goes on behind an error that it has sent, where nobody reads on; and where it
 * dies without one, its last words stand for what the client is to be told.
 */
export function toldByGit({ code, stdout, stderr }: Ended): string[] {
  const told = packetLines(stdout);
  const end = told.findIndex((line) => line.startsWith("error: "));
  if (end >= 0) return told.slice(0, end + 1);
  if (code === 0) return told;
  const words = /^(?:fatal: |BUG: serve\.c:\d+: )(.*)$/m.exec(stderr)?.[1];
  return [...told, `error: ${words ?? stderr}`];
}

/** The same of what we have answered. */
export function toldByUs(bytes: Uint8Array): string[] {
  return packetLines(Buffer.from(bytes).toString("latin1"));
}

function packetLines(text: string): string[] {
  const lines: string[] = [];
  let pack: string | undefined;
  for (let at = 0; at < text.length;) {
    const digits = text.slice(at, at + 4);
    const length = parseInt(digits, 16);
    const payload = text.slice(at + 4, at + length);
    at += Math.max(4, length);
    if (length < 4) {
      if (pack !== undefined) lines.push(packLine(pack));
      pack = undefined;
      lines.push(digits);
    } else if (pack !== undefined && payload[0] === "\x01") {
      pack += payload.slice(1);
    } else if (payload.startsWith("ERR ") || payload.startsWith("\x03")) {
      const start = payload.startsWith("\x03") ? 1 : "ERR ".length;
      lines.push(`error: ${payload.slice(start)}`);
    } else if (payload[0] !== "\x02" && !isAgain(lines, payload)) {
      lines.push(payload);
      if (payload.replace("\x01", "") === "packfile\n") pack = "";
    }
  }
  return lines.slice(lines.indexOf("0000") + 1);
}

/** git tells a boundary once for each want that leads to it. */
function isAgain(lines: readonly string[], line: string): boolean {
  return line.replace("\x01", "").startsWith("shallow ") &&
    lines.includes(line);
}

/** A pack by the number of its objects. */
function packLine(pack: string): string {
  const header = Buffer.from(pack.slice(0, 12), "latin1");
  return `a pack of ${header.readUInt32BE(8)} objects`;
}
