/**
 * What a push has left: what the client was told, in comparable form, and what
 * the repository holds now.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { parsePackets } from "../wire_client.ts";
import { comparableWords } from "./judge.ts";
import type { PushAnswer } from "./servers.ts";
import type { GeneratedPush } from "./request.ts";

/** What a client was told. */
export interface Told {
  /** The advertisement, without what differs from server to server. */
  readonly advertisement: string;
  /** The report, packet by packet; "" for a flush. */
  readonly report: readonly string[];
  /** What people see: lines of band 2 but for progress. */
  readonly words: string;
}

/** Reads an answer; `directory` stands in it for the repository. */
export function readTold(
  { output }: PushAnswer,
  push: GeneratedPush,
  directory: string,
): Told {
  const packets = parsePackets(Buffer.from(output));
  const at = push.isStateless
    ? -1
    : packets.findIndex((each) => each.type === "flush");
  const text = (list: typeof packets) =>
    list.map((each) => each.type === "data" ? each.text : "");
  const advertisement = text(packets.slice(0, at + 1)).join("\n")
    .replace(/ agent=[^\s\0]*/, "").replace(/ session-id=[^\s\0]*/, "");
  const rest = packets.slice(at + 1);
  if (!push.capabilities.includes("side-band-64k")) {
    return { advertisement, report: text(rest), words: "" };
  }
  let [banded, words] = ["", ""];
  for (const packet of rest) {
    if (packet.type !== "data") continue;
    const [band, payload] = [packet.text.charCodeAt(0), packet.text.slice(1)];
    if (band === 1) banded += payload;
    else words += payload;
  }
  return {
    advertisement,
    report: text(parsePackets(Buffer.from(banded, "latin1"))),
    words: comparableWords(words, directory),
  };
}

const STATE_FILES = [
  ...["HEAD", "packed-refs", "shallow", "hooks.log", "info/refs"],
];

/** Everything of a repository that a push may change, but for objects. */
export function stateOf(directory: string): Record<string, string> {
  const state: Record<string, string> = {};
  const add = (path: string) => {
    state[relative(directory, path)] = readFileSync(path, "latin1")
      // Who pushed, and when.
      .replace(/(?<= [0-9a-f]+) [^\0\n]*> \d+ [+-]\d{4}(?=\t)/g, " WHO")
      .replaceAll(directory, "DIR");
  };
  for (const name of STATE_FILES) {
    const path = join(directory, name);
    if (existsSync(path)) add(path);
  }
  for (const name of ["refs", "logs"]) {
    for (const path of filesBelow(join(directory, name))) add(path);
  }
  // Nothing is left lying about.
  for (const name of readdirSync(join(directory, "objects"))) {
    if (name.startsWith("tmp_")) state[`objects/${name}`] = "left behind";
  }
  for (const path of filesBelow(join(directory, "objects/pack"))) {
    if (!/pack-[0-9a-f]+\.(pack|idx|rev)$/.test(path)) {
      state[relative(directory, path)] = "left behind";
    }
  }
  return state;
}

function* filesBelow(directory: string): Generator<string> {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory).sort()) {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}
