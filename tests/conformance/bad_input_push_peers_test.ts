/**
 * Peers of a push that are slow, stop or leave: whatever they were at, nothing
 * of theirs stays, in the repository or in the server.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { gitSync } from "../support/git.ts";
import { KEPT, NAME, PackTrial } from "../support/pushes/pack_trial.ts";
import { rawId, rawPack, TYPES } from "../support/pushes/raw_pack.ts";
import { refIn, reportIn } from "../support/pushes/raw_push.ts";
import { seeded } from "../support/random.ts";
import { eventually, SERVER } from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";
import {
  connectWire,
  gitRequest,
  type WireClient,
} from "../support/wire_client.ts";

// Set up here, not in a hook: the tests below take these as constants.
const trial = await PackTrial.start("push-peers", { args: ["--timeout=1"] });

after(() => trial.stop());

const NOISE = seeded(7).bytes(300_000);
const TEXT = Buffer.from("some text that is pushed, and more of it\n");
const TO = rawId("blob", TEXT).toString("hex");
const PACK = rawPack([
  { type: TYPES.blob, data: TEXT },
  { type: TYPES.blob, data: NOISE },
]);
const BANDS = "report-status side-band-64k";
const bytesOf = (pack: Uint8Array, capabilities?: string): Uint8Array =>
  trial.bytesOf(pack, { to: TO, ...(capabilities && { capabilities }) });
const PUSH = bytesOf(PACK);
const COMMANDS = PUSH.length - PACK.length;

async function begin(repository: string): Promise<WireClient> {
  const client = await connectWire(trial.daemon.port);
  await client.send(
    gitRequest(`/${repository}`, { service: "git-receive-pack" }),
  );
  return client;
}

/** What lies about of pushes that are under way. */
function litter(repository: string): string[] {
  const objects = join(trial.path(repository), "objects");
  return readdirSync(objects).filter((name) => name.startsWith("tmp_"));
}

const isClean = (repository: string): Promise<void> =>
  eventually(
    `nothing is left in ${repository}`,
    () => litter(repository).length === 0,
  );

/** A copy; a session that goes on for a moment may take a file away meanwhile. */
function copyAtRest(repository: string): string {
  for (let left = 20;; left--) {
    try {
      return trial.copy(repository);
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOENT" || left === 0) {
        throw error;
      }
    }
  }
}

/** Open files of the daemon. */
const descriptors = (): number =>
  readdirSync(`/proc/${trial.daemon.pid}/fd`).length;

describe("a peer that stops", () => {
  const places = [
    ["in its commands", 30],
    ["behind them", COMMANDS],
    ["in its pack's head", COMMANDS + 5],
    ["in its pack", COMMANDS + 100_000],
    ["before the trailer", PUSH.length - 3],
  ] as const;
  for (const name of KEPT) {
    it(`is left after a while (${name})`, async () => {
      if (SERVER === "git") return;
      const before = trial.filesOf(name);
      await Promise.all(places.map(async ([words, length]) => {
        const client = await begin(name);
        await client.send(PUSH.subarray(0, length));
        const output = Buffer.from(await client.untilClosed(30_000));
        assert.ok(!output.toString("latin1").includes("ok refs"), words);
      }));
      await isClean(name);
      assert.deepEqual(trial.filesOf(name), before);
      await trial.daemon.logged(/timeout: the client was idle/);
    });
  }

  it("behind its commands reads why, where it has asked for side-band", async () => {
    if (SERVER === "git") return;
    const client = await begin("packed.git");
    const asked = bytesOf(PACK, BANDS);
    await client.send(asked.subarray(0, asked.length - PACK.length));
    const output = Buffer.from(await client.untilClosed(30_000));
    const said = output.toString("latin1");
    // deno-lint-ignore no-control-regex
    assert.match(said, /[0-9a-f]{4}\x03fatal: timeout: the client was idle/);
    assert.doesNotMatch(said, /ERR /);
  });

  it("may take its time as long as something comes", async () => {
    const copy = trial.copy("packed.git");
    const client = await begin(copy);
    const small = bytesOf(rawPack([{ type: TYPES.blob, data: TEXT }]));
    for (const byte of small) await client.send(Uint8Array.of(byte));
    client.endWriting();
    const report = reportIn(await client.untilClosed(60_000));
    assert.deepEqual(report, ["unpack ok", `ok ${NAME}`]);
  });

  it("to read when it has pushed has pushed", async () => {
    const copy = trial.copy("packed.git");
    const client = await begin(copy);
    client.pause();
    await client.send(bytesOf(PACK, BANDS));
    await eventually(
      "the ref is there",
      () => refIn(trial.path(copy), NAME) === TO,
      30_000,
    );
    client.reset();
    await isClean(copy);
    gitSync(["fsck", "--strict"], { cwd: trial.path(copy) });
  });
});

describe("a peer that leaves", () => {
  const lengths = [
    ...[0, 2, 30, COMMANDS - 2, COMMANDS, COMMANDS + 5, COMMANDS + 20],
    ...[COMMANDS + 90_000, PUSH.length - 3],
  ];
  for (const name of KEPT) {
    it(`leaves nothing, a hundred times (${name})`, async () => {
      // git's leaves its quarantine to the next gc, at times.
      if (SERVER === "git") return;
      const before = trial.filesOf(name);
      let opened = 0;
      for (let round = 0; round < 12; round++) {
        await Promise.all(lengths.map(async (length) => {
          const client = await begin(name);
          // The advertisement: it is at work.
          await client.untilFlush(30_000);
          await client.send(PUSH.subarray(0, length));
          client.reset();
        }));
        await isClean(name);
        if (round === 1) opened = descriptors();
      }
      assert.deepEqual(trial.filesOf(name), before);
      // Clones go on beside this, and have descriptors of their own.
      await eventually(
        `no more than ${opened} descriptors are open`,
        () => descriptors() <= opened + 4,
        20_000,
      );
      const { report } = await trial.push(copyAtRest(name), PACK, { to: TO });
      assert.deepEqual(report, ["unpack ok", `ok ${NAME}`]);
    });
  }
});

describe("a push that is refused early", () => {
  it("is read on, so that its client hears of it", async () => {
    const large = seeded(8).bytes(3_000_000);
    const many = Buffer.concat(Array.from({ length: 8 }, () => large));
    const pack = Buffer.concat([rawPack([]).subarray(0, 12), many]);
    const name = "refs/heads/a..b";
    for (const repository of KEPT) {
      const before = trial.filesOf(repository);
      const push = { to: TO, name };
      const { report } = await trial.push(repository, pack, push);
      assert.equal(
        report[1],
        `ng ${name} ${SERVER === "git" ? "unpacker error" : "funny refname"}`,
      );
      assert.deepEqual(trial.filesOf(repository), before);
    }
  });

  it("is read on behind a broken pack, too", async () => {
    const large = seeded(9).bytes(3_000_000);
    const broken = rawPack([{ type: 0, data: TEXT }]);
    const pack = Buffer.concat([broken, large, large, large]);
    for (const repository of KEPT) {
      const { report } = await trial.push(repository, pack, { to: TO });
      assert.equal(report[1], `ng ${NAME} unpacker error`);
    }
  });

  it("is not waited for for ever", async () => {
    if (SERVER === "git") return;
    const client = await begin("packed.git");
    // Says no more, and does not end either.
    await client.send(bytesOf(rawPack([{ type: 0, data: TEXT }])));
    const report = reportIn(await client.untilClosed(30_000));
    assert.equal(report[1], `ng ${NAME} unpacker error`);
    await isClean("packed.git");
  });
});
