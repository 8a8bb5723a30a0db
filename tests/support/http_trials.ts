/**
 * Requests for smart HTTP, made from a seed: some as git makes them, most with
 * something wrong.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { fromBinary, toBinary } from "../../src/core/bytes.ts";
import type { HttpTrial } from "./http_backend.ts";
import type { Random } from "./random.ts";

/** Repositories that are there, by what their configuration says. */
export const HTTP_WORLDS: Readonly<Record<string, readonly string[]>> = {
  "plain.git": [],
  "push.git": ["http.receivepack=true"],
  "no-push.git": ["http.receivepack=false"],
  "closed.git": ["http.uploadpack=false", "http.receivepack=yes"],
  "bad.git": ["http.receivepack=perhaps"],
  "bad-number.git": ["http.maxrequestbuffer=lots"],
  "small.git": ["http.maxrequestbuffer=10k"],
};

const PATHS = [
  ...Object.keys(HTTP_WORLDS),
  ...["plain.git", "plain.git", "push.git", "push.git", "small.git"],
  ...["hidden.git", "missing.git", "plain"],
];

const QUERIES = [
  "service=git-upload-pack",
  "service=git-upload-pack",
  "service=git-receive-pack",
  "service=git-receive-pack",
  "service=git-nothing",
  "service=upload-pack",
  "service=",
  "service=git-upload-pack%00",
  "service=git%2Dupload-pack",
  "service=git-upload+pack",
  "SERVICE=git-upload-pack&service=git-receive-pack",
  "a=b&service=git-upload-pack",
  "service=git-upload-pack&service=git-receive-pack",
  "service=git-receive-pack&service=git-nothing",
  "service=git-nothing&service=git-upload-pack",
];

const PROTOCOLS = [
  ...["version=1", "version=2", "version=2", "version=0", "version=9"],
  ...["version=1:version=2", "foo=bar:version=2", "version=2:version=1"],
  ...["version=2\x1b[1m", "VERSION=2", "", ":", "version=2:".repeat(40)],
];

const METHODS = ["GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE"];

/** Object ids that bodies name. */
export interface KnownIds {
  /** A ref's. */
  readonly tip: string;
  /** One that nothing reaches. */
  readonly hidden: string;
}

/** A request. */
export function randomTrial(random: Random, ids: KnownIds): HttpTrial {
  const path = random.pick(PATHS);
  const protocol = random.int(2) === 0 ? undefined : random.pick(PROTOCOLS);
  const common = {
    ...(random.int(3) === 0 ? { user: "ada" } : {}),
    ...(random.int(8) === 0 ? { protocol: "HTTP/1.0" } : {}),
  };
  const headers: Record<string, string> = protocol === undefined
    ? {}
    : { "git-protocol": protocol };
  const method = random.pick(METHODS);
  if (method === "GET" || method === "HEAD" || random.int(6) === 0) {
    const target = random.int(10) === 0
      ? `/${path}/${random.pick(["nothing", "git-upload-pack", "info/ref"])}`
      : `/${path}/info/refs?${random.pick(QUERIES)}`;
    return { ...common, method, target, headers };
  }
  const service = random.pick(["upload-pack", "upload-pack", "receive-pack"]);
  const type = random.int(6) === 0
    ? random.pick([
      ...["", "text/plain", `application/x-git-${service}-result`],
      ...[`Application/x-git-${service}-request`],
      ...[`application/x-git-${service}-request; charset=utf-8`],
    ])
    : `application/x-git-${service}-request`;
  if (type !== "") headers["content-type"] = type;
  let body = service === "upload-pack"
    ? fetchBody(random, ids, protocol)
    : pushBody(random, ids);
  if (random.int(4) === 0 && body !== "") {
    headers["content-encoding"] = random.pick(["gzip", "x-gzip"]);
    body = toBinary(new Uint8Array(gzipSync(fromBinary(body))));
    if (random.int(4) === 0) body = body.slice(0, -random.int(20));
  }
  return {
    ...common,
    method,
    target: `/${path}/git-${service}`,
    headers,
    body,
  };
}

function fetchBody(
  random: Random,
  { tip, hidden }: KnownIds,
  protocol = "",
): string {
  const want = random.pick([tip, tip, tip, hidden]);
  if (/version=2(:|$)/.test(protocol)) {
    return random.pick([
      "",
      "0000",
      packet("command=ls-refs\n") + "0001" + packet("peel\n") + "0000",
      packet("command=ls-refs\n") + "0000",
      packet("command=fetch\n") + "0001" + packet("no-progress") +
      packet(`want ${want}\n`) +
      packet("done\n") + "0000",
      packet("command=fetch\n") + "0001" + packet("no-progress") +
      packet(`want ${want}\n`) +
      packet(`have ${want}\n`) + "0000",
    ]);
  }
  return random.pick([
    "",
    "0000",
    "zzzz",
    packet("want nothing"),
    packet(`want ${want}\n`) + "0000" +
    packet(`have ${hidden}\n`).repeat(250) + packet("done\n"),
    packet(`want ${want} no-progress side-band-64k ofs-delta\n`) + "0000" +
    packet("done\n"),
    packet(`want ${want} multi_ack_detailed no-done no-progress\n`) + "0000" +
    packet(`have ${want}\n`) + packet("done\n"),
    packet(`want ${want} multi_ack_detailed\n`) + "0000" +
    packet(`have ${hidden}\n`) + "0000",
  ]);
}

/** What changes nothing: both sides are asked for the same in the end. */
function pushBody(random: Random, { tip, hidden }: KnownIds): string {
  const zero = "0".repeat(40);
  const caps = "report-status side-band-64k agent=test/1";
  return random.pick([
    "",
    "0000",
    packet(`${hidden} ${tip} refs/heads/none\0${caps}`) + "0000",
    packet(`${zero} ${zero} refs/heads/none\0${caps}`) + "0000",
    packet(`${hidden} ${zero} refs/heads/main\0report-status`) + "0000",
  ]);
}

/** A packet of text. */
export function packet(text: string): string {
  return (text.length + 4).toString(16).padStart(4, "0") + text;
}
