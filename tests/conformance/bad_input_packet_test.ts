/**
 * Broken packets and odd lines inside a session: refused in git's words or
 * taken as git takes them, over git://.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "../support/test.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { startDaemon } from "../support/server.ts";
import { expectRefusal, startCloneLoop } from "../support/server_refusal.ts";
import {
  connectWire,
  converse,
  gitRequest,
  packets,
  pkt,
  toBuffer,
  type Wire,
} from "../support/wire_client.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("packet");
const good = smallRepository(join(root, "good.git"));
const daemon = await startDaemon({
  args: [`--base-path=${root}`, "--export-all"],
});
const loop = startCloneLoop(daemon.url("/good.git"));
const want = `want ${good.main}`;
const request = gitRequest("/good.git");
const requestV2 = gitRequest("/good.git", { protocol: 2 });

after(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

describe("a packet length", () => {
  const bad: readonly (readonly [string, Wire, RegExp])[] = [
    ["of 3", "0003", /protocol error: bad line length 3/],
    ["of letters", "xyzw", /bad line length character: xyzw/],
    ["with a minus sign", "-001", /bad line length character: -001/],
    ["with a plus sign", "+004", /bad line length character: \+004/],
    ["with 0x", "0x10", /bad line length character: 0x10/],
    ["with a space", " 004", /bad line length character: {2}004/],
    ["of full-width digits", "\xef\xbc\x90\x30", /bad line length character/],
    ["of Arabic digits", "\xd9\xa0\xd9\xa4", /bad line length character/],
    ["of fff4", `fff4${"x".repeat(65_520)}`, /bad line length 65520/],
    ["of ffff", `ffff${"x".repeat(65_531)}`, /bad line length 65531/],
  ];
  const places: readonly (readonly [string, Wire[]])[] = [
    ["as the first packet", []],
    ["among v0 wants", [request]],
    ["after a v0 want", [request, pkt(`${want}\n`)]],
    ["among v0 haves", [request, packets(`${want}\n`, "0000")]],
    ["as a v2 command", [requestV2]],
    ["among v2 arguments", [requestV2, packets("command=ls-refs", "0001")]],
  ];
  for (const [what, bytes, words] of bad) {
    for (const [where, before] of places) {
      it(`is refused: ${what}, ${where}`, async () => {
        await expectRefusal(daemon, { send: [...before, bytes], words });
      });
    }
  }

  it("may have upper-case digits", async () => {
    const line = `${want} `.padEnd(0xaa - 4, "x");
    await expectPack([request, `00AA${line}`, "0000", pkt("done\n")]);
  });

  for (const length of [0xfff0, 0xfff1, 0xfff2, 0xfff3]) {
    it(`may be ${length.toString(16)}`, async () => {
      const line = `${want} `.padEnd(length - 4, "x");
      await expectPack([
        request,
        length.toString(16),
        line,
        "0000",
        pkt("done\n"),
      ]);
    });
  }

  it("may be cut anywhere by the network", async () => {
    const bytes = toBuffer(
      Buffer.concat([
        request,
        packets(`${want} ofs-delta\n`, "0000", "done\n"),
      ]),
    );
    const client = await connectWire(daemon.port);
    for (const byte of bytes) await client.send(Buffer.of(byte));
    assertPack(await client.untilClosed());
  });
});

describe("a line", () => {
  const bad: readonly (readonly [string, Wire[], RegExp])[] = [
    [
      "empty where a want belongs",
      [request, "0004"],
      /expected to get object ID, not ''/,
    ],
    [
      "of another kind where a want belongs",
      [request, pkt("wont x\n")],
      /expected to get object ID, not 'wont x'/,
    ],
    [
      "empty where a have belongs",
      [request, packets(`${want}\n`, "0000"), "0004"],
      /expected SHA1 list, got ''/,
    ],
    [
      "that is an ERR of the client's",
      [request, pkt("ERR no more\n")],
      /remote error: no more/,
    ],
    [
      "with CR in ls-refs arguments",
      [requestV2, packets("command=ls-refs", "0001", "peel\r\n", "0000")],
      /unexpected line: 'peel/,
    ],
    [
      "with a trailing space in ls-refs arguments",
      [requestV2, packets("command=ls-refs", "0001", "peel ", "0000")],
      /unexpected line: 'peel '/,
    ],
    [
      "that is a second delimiter after ls-refs arguments",
      [requestV2, packets("command=ls-refs", "0001", "peel", "0001", "0000")],
      /expected flush after ls-refs arguments/,
    ],
    [
      "that is a second delimiter after fetch arguments",
      [requestV2, packets("command=fetch", "0001", "done", "0001", "0000")],
      /expected flush after fetch arguments/,
    ],
    [
      "that is a response end after fetch arguments",
      [requestV2, packets("command=fetch", "0001", "done"), "0002"],
      /expected flush after fetch arguments/,
    ],
  ];
  for (const [what, send, words] of bad) {
    it(`is refused: ${what}`, async () => {
      // A client's own ERR needs no answer: it has stopped listening.
      const to = what.includes("ERR") ? "log" : "peer";
      await expectRefusal(daemon, { send, words, to });
    });
  }

  it("that ends early is no want: the peer hung up", async () => {
    await expectRefusal(daemon, {
      send: [request, `0032${want.slice(0, 20)}`],
      halfClose: true,
      words: /hung up unexpectedly/,
      to: "log",
    });
  });

  const taken: readonly (readonly [string, Wire])[] = [
    ["without a line feed", pkt(want)],
    ["with CR LF", pkt(`${want}\r\n`)],
    ["with trailing spaces", pkt(`${want}   \n`)],
    ["with a NUL and more after it", pkt(`${want}\0 ofs-delta\n`)],
    ["with repeated capabilities", pkt(`${want} ofs-delta ofs-delta\n`)],
    ["with an unknown capability", pkt(`${want} no-such-thing\n`)],
    ["with ESC in a capability", pkt(`${want} agent=\x1b[2J\n`)],
    ["with 64 kB of capabilities", pkt(`${want} ${"cap ".repeat(16_000)}\n`)],
    [
      "that repeats the want",
      Buffer.concat([pkt(`${want} ofs-delta\n`), pkt(`${want}\n`)]),
    ],
  ];
  for (const [what, line] of taken) {
    it(`is a want: ${what}`, async () => {
      const answer = await expectPack([request, line, "0000", pkt("done\n")]);
      assert.ok(!answer.includes("\x1b"));
    });
  }

  for (const special of ["0001", "0002"]) {
    it(`of ${special} instead of wants ends a v0 session`, async () => {
      await converse(daemon.port, [request, special], { halfClose: true });
    });

    it(`of ${special} after the wants never hangs a v0 session`, async () => {
      await converse(daemon.port, [
        request,
        pkt(`${want}\n`),
        special,
        pkt("done\n"),
      ], { halfClose: true });
    });
  }

  it("of a flush alone ends a v2 session in silence", async () => {
    const client = await connectWire(daemon.port);
    await client.send(requestV2);
    await client.untilFlush();
    client.forget();
    await client.send("0000");
    assert.equal((await client.untilClosed()).length, 0);
  });
});

it("clients beside all this clone as ever", async () => {
  assert.ok(await loop.stop() > 0);
});

/** Sends the parts and expects NAK and a pack, without side-band. */
async function expectPack(parts: readonly Wire[]): Promise<string> {
  return assertPack(await converse(daemon.port, parts));
}

function assertPack(answer: Uint8Array): string {
  const text = Buffer.from(answer).toString("latin1");
  const at = text.indexOf("0008NAK\nPACK");
  assert.ok(at > 0, `no pack in ${JSON.stringify(text.slice(-300))}`);
  return text.slice(0, at);
}
