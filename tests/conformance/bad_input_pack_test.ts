/**
 * Packs that receive-pack must refuse, or take although they are odd, whether
 * it would store them as a pack or as loose objects: afterwards the repository
 * is what it was, and others are served.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { deflateRawSync, deflateSync } from "node:zlib";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { gitSync } from "../support/git.ts";
import {
  entryBytes,
  rawDelta,
  type RawEntry,
  rawId,
  rawPack,
  sizeBytes,
  TYPES,
} from "../support/pushes/raw_pack.ts";
import { rawPush, refIn, reportIn, ZERO } from "../support/pushes/raw_push.ts";
import { type Daemon, startDaemon } from "../support/server.ts";
import { startCloneLoop } from "../support/server_refusal.ts";
import { after, describe, it } from "../support/test.ts";
import { converse, gitRequest } from "../support/wire_client.ts";

// Set up here, not in a hook: the tests below take these as constants.
const root = temporaryDirectory("bad-packs");
const good = smallRepository(join(root, "good.git"));
/** The two ways to store what comes. */
const KEPT = ["loose.git", "packed.git"] as const;
for (const name of KEPT) {
  const { path } = smallRepository(join(root, name));
  const limit = name === "packed.git" ? "1" : "1000000";
  gitSync(["config", "receive.unpackLimit", limit], { cwd: path });
}
const daemon: Daemon = await startDaemon({
  args: [`--base-path=${root}`, "--export-all", "--enable=receive-pack"],
});
const loop = startCloneLoop(daemon.url("/good.git"));

after(async () => {
  await loop.stop();
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

const TEXT = Buffer.from("some text that is pushed, and more of it\n");
const BLOB: RawEntry = { type: TYPES.blob, data: TEXT };
const BLOB_ID = rawId("blob", TEXT);
/** Below refs/blobs, where a blob may be named. */
const NAME = "refs/blobs/pushed";

/** What the answer to a pack in one repository came to. */
interface Outcome {
  readonly report: readonly string[];
  readonly text: string;
}

async function pushed(
  repository: string,
  pack: Uint8Array,
  to: string,
): Promise<Outcome> {
  const request = gitRequest(`/${repository}`, { service: "git-receive-pack" });
  const bytes = rawPush([{ name: NAME, old: ZERO, new: to }], pack);
  const output = Buffer.from(
    await converse(daemon.port, [request, bytes], {
      halfClose: true,
      deadline: 60_000,
    }),
  );
  return { report: reportIn(output), text: output.toString("latin1") };
}

/** Every file of a repository with its size. */
function filesOf(repository: string): string[] {
  const directory = join(root, repository);
  const found: string[] = [];
  const queue = [directory];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const name of readdirSync(next)) {
      const path = join(next, name);
      const stat = statSync(path);
      if (stat.isDirectory()) queue.push(path);
      found.push(`${relative(directory, path)} ${stat.isFile() && stat.size}`);
    }
  }
  return found.sort();
}

/** The pack is refused for a reason, and leaves nothing. */
async function expectRefused(
  pack: Uint8Array,
  reason: RegExp,
  to = BLOB_ID.toString("hex"),
): Promise<void> {
  for (const name of KEPT) {
    const before = filesOf(name);
    const { report, text } = await pushed(name, pack, to);
    assert.match(report[0] ?? text, reason, name);
    assert.equal(report[1], `ng ${NAME} unpacker error`, `${name}: ${text}`);
    assert.deepEqual(filesOf(name), before, name);
  }
}

/** The pack is taken; the ref that it was for is taken away again. */
async function expectTaken(
  pack: Uint8Array,
  to = BLOB_ID.toString("hex"),
): Promise<void> {
  for (const name of KEPT) {
    const { report, text } = await pushed(name, pack, to);
    assert.deepEqual(report, ["unpack ok", `ok ${NAME}`], `${name}: ${text}`);
    const directory = join(root, name);
    assert.equal(refIn(directory, NAME), to);
    gitSync(["fsck", "--strict"], { cwd: directory });
    gitSync(["update-ref", "-d", NAME], { cwd: directory });
    gitSync(["gc", "--prune=now", "--quiet"], { cwd: directory });
  }
}

/** git names the child that gave up; the cause is in words on band 2. */
const BROKEN = /^unpack (index-pack|unpack-objects) abnormal exit$/;
const HEADER = (words: string) => new RegExp(`^unpack .*${words}`);

describe("a pack's head", () => {
  it("with another signature is refused", () =>
    expectRefused(
      rawPack([BLOB], { signature: "PUCK" }),
      HEADER("protocol error \\(pack signature mismatch detected\\)"),
    ));

  it("of version 4 is refused", () =>
    expectRefused(
      rawPack([BLOB], { version: 4 }),
      HEADER("protocol error \\(pack version unsupported\\)"),
    ));

  it("of version 3 is taken", () =>
    expectTaken(rawPack([BLOB], { version: 3 })));

  it("that counts too many objects is refused", () =>
    expectRefused(rawPack([BLOB], { count: 2 }), BROKEN));

  it("that counts too few is refused", () =>
    expectRefused(rawPack([BLOB, BLOB], { count: 1 }), BROKEN));

  it("that counts four thousand million is refused", () =>
    expectRefused(rawPack([BLOB], { count: 0xffffffff }), /^unpack /));

  it("that is not there is refused", () =>
    expectRefused(new Uint8Array(0), HEADER("eof before pack header")));
});

describe("a pack's end", () => {
  it("with another checksum is refused", () =>
    expectRefused(rawPack([BLOB], { trailer: new Uint8Array(20) }), BROKEN));

  it("may be followed by nothing that changes its fate", async () => {
    const outcomes = [];
    for (const name of KEPT) {
      const pack = rawPack([BLOB], { tail: Buffer.from("garbage") });
      const { report } = await pushed(name, pack, BLOB_ID.toString("hex"));
      outcomes.push(report);
      gitSync(["update-ref", "-d", NAME], { cwd: join(root, name) });
    }
    assert.deepEqual(outcomes[0], outcomes[1]);
  });

  it("that comes too early is refused, wherever it comes", async () => {
    const pack = rawPack([BLOB, { type: TYPES.tree, data: new Uint8Array(0) }]);
    for (let length = 0; length < pack.length; length++) {
      await expectRefused(pack.subarray(0, length), /^unpack (?!ok)/);
    }
  });
});

describe("an entry", () => {
  for (const type of [0, 5]) {
    it(`of type ${type} is refused`, () =>
      expectRefused(rawPack([{ ...BLOB, type }]), BROKEN));
  }

  it("that declares 2^60 bytes is refused", () =>
    expectRefused(rawPack([{ ...BLOB, size: 2n ** 60n }]), BROKEN));

  it("whose size has twenty digits of seven bits is refused", () =>
    expectRefused(rawPack([{ ...BLOB, size: 2n ** 136n }]), BROKEN));

  it("that declares fewer bytes than it has is refused", () =>
    expectRefused(rawPack([{ ...BLOB, size: TEXT.length - 1 }]), BROKEN));

  it("that declares more is refused", () =>
    expectRefused(rawPack([{ ...BLOB, size: TEXT.length + 1 }]), BROKEN));

  it("of ten bytes that inflates to 200 MB is refused", () =>
    expectRefused(
      rawPack([{
        ...BLOB,
        size: 10,
        stream: deflateSync(Buffer.alloc(200_000_000)),
      }]),
      BROKEN,
    ));

  it("of 64 MB of zeros that says so is taken", () => {
    const data = Buffer.alloc(64_000_000);
    const id = rawId("blob", data).toString("hex");
    return expectTaken(rawPack([{ type: TYPES.blob, data }]), id);
  });

  const stream = deflateSync(TEXT);
  const flipped = Buffer.from(stream);
  flipped[10] = (flipped[10] as number) ^ 0xff;
  const wrongSum = Buffer.from(stream);
  wrongSum[wrongSum.length - 1] = (wrongSum.at(-1) as number) ^ 1;
  const dictionary = Buffer.concat([
    Buffer.from([0x78, 0xbb, 0, 0, 0, 1]),
    deflateRawSync(TEXT),
    stream.subarray(-4),
  ]);
  for (
    const [words, bytes] of [
      ["that is damaged", flipped],
      ["with a wrong checksum", wrongSum],
      ["with a preset dictionary", dictionary],
      ["followed by a byte", Buffer.concat([stream, Buffer.from([0])])],
      ["that is empty", Buffer.alloc(0)],
    ] as const
  ) {
    it(`with a stream ${words} is refused`, () =>
      expectRefused(rawPack([{ ...BLOB, stream: bytes }]), BROKEN));
  }

  it("of stored blocks alone is taken", () =>
    expectTaken(
      rawPack([{ ...BLOB, stream: deflateSync(TEXT, { level: 0 }) }]),
    ));

  it("of nothing is taken", () => {
    const data = new Uint8Array(0);
    const id = rawId("blob", data).toString("hex");
    return expectTaken(rawPack([{ type: TYPES.blob, data }]), id);
  });

  it("that is there twice is taken", () => expectTaken(rawPack([BLOB, BLOB])));
});

describe("a delta", () => {
  const size = TEXT.length;
  // Copies four bytes from the start.
  const COPY = [0x91, 0, 4];
  const copy4 = rawDelta(size, 4, ...COPY);
  const distance = entryBytes(BLOB).length;
  const ofs = (data: Uint8Array, base: number | Uint8Array = distance) =>
    rawPack([BLOB, { type: TYPES.ofs, data, base }]);
  const made = rawId("blob", TEXT.subarray(0, 4)).toString("hex");
  const absent = Buffer.alloc(20, 0x12);

  it("of four bytes is taken, by offset and by name", async () => {
    await expectTaken(ofs(copy4), made);
    const byName = { type: TYPES.ref, data: copy4, base: BLOB_ID };
    await expectTaken(rawPack([BLOB, byName]), made);
    await expectTaken(rawPack([byName, BLOB]), made);
  });

  it("whose base is nowhere is refused", () =>
    expectRefused(
      rawPack([{ type: TYPES.ref, data: copy4, base: absent }]),
      BROKEN,
    ));

  it("of itself is refused", () => {
    const id = Buffer.from(made, "hex");
    return expectRefused(
      rawPack([{ type: TYPES.ref, data: copy4, base: id }]),
      BROKEN,
      made,
    );
  });

  for (
    const [words, base] of [
      ["distance 0", 0],
      ["its base before the start", 1_000_000],
      ["its base in the pack's head", distance + 6],
      ["its base inside of an entry", distance - 3],
      ["a distance that overflows", Buffer.alloc(12, 0xff)],
    ] as const
  ) {
    it(`with ${words} is refused`, () =>
      expectRefused(ofs(copy4, base), BROKEN));
  }

  for (
    const [words, data] of [
      ["another size of its base", rawDelta(size + 1, 4, ...COPY)],
      ["a result that is too short", rawDelta(size, 5, ...COPY)],
      ["a result that is too long", rawDelta(size, 3, ...COPY)],
      ["a copy behind the base", rawDelta(size, 4, 0x91, size - 2, 4)],
      ["the instruction 0", rawDelta(size, 4, 0, ...COPY)],
      ["an insertion that is cut off", rawDelta(size, 4, 4, 1, 2)],
      ["a copy that is cut off", rawDelta(size, 4, 0x91)],
      ["nothing in it", Buffer.alloc(0)],
      ["a copy of 65536 bytes of a small base", rawDelta(size, 4, 0x80)],
    ] as const
  ) {
    it(`with ${words} is refused`, () => expectRefused(ofs(data), BROKEN));
  }

  it("that declares 2^40 bytes is refused", () =>
    expectRefused(ofs(rawDelta(size, 2 ** 40, ...COPY)), /^unpack (?!ok)/));

  it("chain of 5,000 is taken", () => {
    const entries: RawEntry[] = [BLOB];
    let [last, text] = [BLOB, TEXT];
    for (let i = 0; i < 5_000; i++) {
      // Half of the text stays.
      const tail = Buffer.from(`${i}\n`);
      const next = Buffer.concat([text.subarray(0, 20), tail]);
      const delta = Buffer.from([
        ...sizeBytes(text.length),
        ...sizeBytes(next.length),
        ...[0x91, 0, 20, tail.length],
        ...tail,
      ]);
      const base = entryBytes(last).length;
      last = { type: TYPES.ofs, data: delta, base };
      entries.push(last);
      text = next;
    }
    return expectTaken(rawPack(entries), rawId("blob", text).toString("hex"));
  });

  it("chain that doubles to 256 MB in some hundred bytes is refused", () => {
    const start = Buffer.alloc(32);
    const entries: RawEntry[] = [{ type: TYPES.blob, data: start }];
    let length = start.length;
    while (length < 128 * 1024 * 1024) {
      const data = Buffer.from([
        ...sizeBytes(length),
        ...sizeBytes(2 * length),
        ...copyAll(length),
        ...copyAll(length),
      ]);
      const base = entryBytes(entries.at(-1) as RawEntry).length;
      entries.push({ type: TYPES.ofs, data, base });
      length *= 2;
    }
    return expectRefused(rawPack(entries), /^unpack (?!ok)/);
  });
});

/** Instructions that copy so many bytes from the start on. */
function copyAll(length: number): number[] {
  const out: number[] = [];
  for (let at = 0; at < length;) {
    const size = Math.min(0xffffff, length - at);
    out.push(0xff);
    for (let i = 0; i < 4; i++) out.push(Math.floor(at / 2 ** (8 * i)) & 255);
    for (let i = 0; i < 3; i++) out.push((size >>> (8 * i)) & 255);
    at += size;
  }
  return out;
}

describe("a pack that is not what its commands need", () => {
  it("may be empty where the object is there", () =>
    expectTaken(rawPack([]), good.main));

  it("may not be missing where a ref is made", () =>
    expectRefused(new Uint8Array(0), HEADER("eof before pack header")));
});
