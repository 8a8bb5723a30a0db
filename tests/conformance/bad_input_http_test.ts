/**
 * Bad HTTP on raw sockets: each request has the outcome that is written down
 * for the runtime, the clients beside it are served, and no file is touched.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { HOSTILE_REQUESTS, hostileMarkdown } from "../support/hostile_http.ts";
import { RawHttp } from "../support/raw_http.ts";
import {
  type Daemon,
  eventually,
  freePort,
  SERVER,
  startDaemon,
} from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";
import { connects } from "../support/wire_client.ts";

const RUNTIME = process.versions.bun === undefined ? "deno" : "bun";
const GET = "GET /a.git/info/refs?service=git-upload-pack HTTP/1.1\r\n" +
  "Host: h\r\nConnection: close\r\n\r\n";

const root = temporaryDirectory("bad-http");
const small = smallRepository(join(root, "a.git"), { bigMebibytes: 32 });
const before = filesBelow(root);
const port = await freePort();
const hastyPort = await freePort();
const daemons: Daemon[] = SERVER === "git" ? [] : [
  await startDaemon({ args: [`--http-port=${port}`, "--allow-push", root] }),
  await startDaemon({
    args: [`--http-port=${hastyPort}`, "--allow-push", "--timeout=1", root],
  }),
];

after(async () => {
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  rmSync(root, { recursive: true, force: true });
});

/** Names, sizes and times of all that is there. */
function filesBelow(directory: string): string {
  return readdirSync(directory, { recursive: true }).map(String).sort()
    .map((name) => {
      const { size, mtimeMs } = statSync(join(directory, name));
      return `${name} ${size} ${mtimeMs}`;
    }).join("\n");
}

async function othersAreServed(at = port): Promise<void> {
  await eventually("HTTP is listened for", () => connects(at));
  const client = await RawHttp.connect(at);
  client.send(GET);
  const text = await client.until(/0000(?:\r\n0\r\n\r\n)?$/);
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.ok(text.includes(small.main));
  client.close();
}

function nothingIsLeft(): void {
  assert.equal(filesBelow(root), before);
  for (const daemon of daemons) assert.ok(!daemon.log().includes("BUG"));
}

function post(service: string, length: number, body: string): string {
  return `POST /a.git/git-${service} HTTP/1.1\r\nHost: h\r\n` +
    `Content-Type: application/x-git-${service}-request\r\n` +
    `Content-Length: ${length}\r\n\r\n${body}`;
}

/** Asks for everything there is. */
function cloneRequest(): string {
  const body = `0032want ${small.main}\n00000009done\n`;
  return post("upload-pack", body.length, body);
}

describe("bad HTTP", () => {
  for (const { name, text, isEnded, outcome } of HOSTILE_REQUESTS) {
    it(`${name}: is answered as it is written down`, async () => {
      const expected = typeof outcome === "string" ? outcome : outcome[RUNTIME];
      await eventually("HTTP is listened for", () => connects(port));
      const client = await RawHttp.connect(port);
      client.send(text);
      if (isEnded === true) client.end();
      const seen = () => {
        const { statuses, isClosed } = client.seen();
        return isClosed
          ? [...statuses, "closed"].join(" ")
          : statuses.join(" ");
      };
      // What stays open may be closed later, by whoever is quicker.
      const fits = () =>
        expected.split("|").some((each) =>
          seen() === each || seen() === `${each} closed`
        );
      await othersAreServed();
      await eventually(`${expected} of ${name}`, fits, 5000).catch((error) => {
        throw new Error(`${error.message}; it is: ${seen()}`);
      });
      client.close();
      nothingIsLeft();
    });
  }

  it("smuggles no second request behind a first", () => {
    for (const daemon of daemons) {
      assert.ok(!daemon.log().includes("/smuggled"), daemon.log());
    }
  });
});

describe("HTTP clients that stop", () => {
  it("in the middle of a body are told that time is up", async () => {
    for (
      const [service, body] of [
        ["upload-pack", "0032want "],
        ["receive-pack", "00a0" + "0".repeat(40)],
      ] as const
    ) {
      await othersAreServed(hastyPort);
      const client = await RawHttp.connect(hastyPort);
      client.send(post(service, 500, body));
      const { statuses } = await client.outcome();
      assert.deepEqual(statuses, [408], service);
      client.close();
      await othersAreServed(hastyPort);
      nothingIsLeft();
    }
  });

  it("to read get no more than what was on its way", async () => {
    await othersAreServed(hastyPort);
    const timeouts = () =>
      daemons[1]?.log().split("timeout: the client was idle for 1 s").length;
    const already = timeouts();
    const client = await RawHttp.connect(hastyPort);
    client.pause();
    client.send(cloneRequest());
    await eventually("its time is up", () => timeouts() !== already);
    await othersAreServed(hastyPort);
    client.resume();
    await client.settled(() => client.received);
    assert.ok(client.received < 32 * 1024 * 1024, String(client.received));
    client.close();
    nothingIsLeft();
  });

  it("and leave, in a request or an answer, leave nothing behind", async () => {
    for (
      const text of [
        post("upload-pack", 500, "0032want "),
        post("receive-pack", 500, "00a0" + "0".repeat(40)),
        cloneRequest(),
      ]
    ) {
      const client = await RawHttp.connect(port);
      client.pause();
      client.send(text);
      await client.settled(() => client.received);
      client.close();
      await othersAreServed();
      nothingIsLeft();
    }
  });
});

describe("SECURITY.md", () => {
  it("has the table of answers", () => {
    const page = readFileSync(
      new URL("../../SECURITY.md", import.meta.url),
      "utf8",
    );
    const table = /<!-- begin: bad HTTP -->\n([^]*?)<!-- end: bad HTTP -->/
      .exec(page)?.[1] ?? "";
    const cells = (text: string) => text.replace(/ {2,}|-{3,}/g, " ").trim();
    assert.equal(cells(table), cells(hostileMarkdown()));
  });
});
