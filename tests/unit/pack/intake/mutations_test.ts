/**
 * Packs with random faults: `git index-pack` and we take the same ones, and
 * make the same indexes of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { concatBytes, fromUtf8, toHex } from "../../../../src/core/bytes.ts";
import { GitsrvError, messageOf } from "../../../../src/core/errors.ts";
import { NATIVE } from "../../../../src/kernels/native/kernels.ts";
import { selectKernels } from "../../../../src/kernels/select.ts";
import {
  type Kind,
  OFS_DELTA,
  REF_DELTA,
} from "../../../../src/object/kind.ts";
import { emptyRepository } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { GIT, runProgram } from "../../../support/git.ts";
import {
  entryOf,
  packOf,
  sealed,
  takeIn,
  UNLIMITED,
  withoutScanner,
} from "../../../support/intake.ts";
import { idOf, madeDelta } from "../../../support/pack_entries.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { before, describe, it } from "../../../support/test.ts";

const SEED = 20_260_303;
const ROUNDS = 160;
const AT_ONCE = 4;
const LIMITS = { ...UNLIMITED, maxObjectBytes: 2 ** 28 };

/** A small pack of every type of entry. */
function smallPack(random: Random): Uint8Array {
  const texts = Array.from(
    { length: 5 },
    (_, i) => fromUtf8(`text ${i} ${"abc ".repeat(random.int(30))}\n`),
  );
  const entries: Uint8Array[] = [];
  const starts: number[] = [];
  let at = 12;
  const add = (entry: Uint8Array) => {
    starts.push(at);
    entries.push(entry);
    at += entry.length;
  };
  // Without checks of objects, any bytes are a commit.
  const kinds = texts.map(() => 1 + random.int(4) as Kind);
  texts.forEach((text, i) => add(entryOf(kinds[i] as Kind, text)));
  for (let i = 0; i < 6; i++) {
    const which = random.int(texts.length);
    const base = texts[which] as Uint8Array;
    const delta = madeDelta(base.length, random.int(base.length), `+${i}`);
    if (random.int(8) === 0) {
      delta[random.int(delta.length)] = random.int(256);
    }
    const shape = random.int(2) === 0
      ? { baseId: idOf(kinds[which] as Kind, base) }
      : { distance: at - (starts[which] as number) };
    add(entryOf("baseId" in shape ? REF_DELTA : OFS_DELTA, delta, shape));
  }
  return packOf(entries);
}

/** The pack with a fault; most of them have a trailer that is right. */
function withFault(pack: Uint8Array, random: Random): Uint8Array {
  const body = pack.slice(0, -20);
  const at = 8 + random.int(body.length - 8);
  switch (random.int(8)) {
    case 0:
      body[at] = random.int(256);
      return sealed(body);
    case 1:
      body[at] = (body[at] as number) ^ (1 << random.int(8));
      return sealed(body);
    case 2:
      return sealed(concatBytes([body.subarray(0, at), body.subarray(at + 1)]));
    case 3:
      return sealed(
        concatBytes([
          ...[body.subarray(0, at), random.bytes(1), body.subarray(at)],
        ]),
      );
    case 4:
      return pack.subarray(0, random.int(pack.length));
    case 5:
    case 6:
      return pack;
    default: {
      const broken = pack.slice();
      broken[at] = random.int(256);
      return broken;
    }
  }
}

describe("A pack with a fault", () => {
  const root = temporaryDirectory("intake-faults");
  const repositories = Array.from(
    { length: AT_ONCE },
    (_, i) => join(root, `${i}`),
  );
  before(() => {
    for (const path of repositories) emptyRepository(path, "sha1");
  });

  /** What git makes of it: an index, or what it died of. */
  const byGit = async (
    pack: Uint8Array,
    cwd: string,
  ): Promise<Uint8Array | string> => {
    const out = join(cwd, "objects/pack");
    rmSync(out, { recursive: true, force: true });
    const { code, stderr } = await runProgram(
      GIT,
      ["-c", "pack.threads=1", "index-pack", "--stdin"],
      { cwd, input: pack },
    );
    if (code !== 0) return stderr;
    const index = readdirSync(out).find((name) => name.endsWith(".idx"));
    return new Uint8Array(readFileSync(join(out, index ?? "none")));
  };

  it("is taken where git takes it, and comes to the same", async () => {
    const random = seeded(SEED);
    let taken = 0;
    const words = new Set<string>();
    const fast = selectKernels();
    const plain = withoutScanner(NATIVE);
    for (let round = 0; round < ROUNDS; round += AT_ONCE) {
      const packs = repositories.map(() =>
        withFault(smallPack(random), random)
      );
      const theirs = await Promise.all(
        packs.map((pack, i) => byGit(pack, repositories[i] as string)),
      );
      for (const [i, pack] of packs.entries()) {
        const other = theirs[i] as Uint8Array | string;
        const hint = `seed ${SEED}, round ${round + i}: ${other}`;
        const kernels = random.int(2) === 0 ? fast : plain;
        const ours = await takeIn(pack, { kernels, limits: LIMITS }).catch(
          (error) => {
            assert.ok(error instanceof GitsrvError, messageOf(error));
            return error.message;
          },
        );
        if (typeof ours !== "string") {
          assert.ok(typeof other !== "string", `we take, ${hint}`);
          assert.equal(toHex(ours.index), toHex(other), hint);
          taken++;
          continue;
        }
        assert.ok(typeof other === "string", `${ours}, ${hint}`);
        words.add(ours.replace(/\d+/g, "N"));
      }
    }
    assert.ok(taken > 0 && taken < ROUNDS, `${taken} taken`);
    assert.ok(words.size > 4, [...words].join("\n"));
  });

  it("comes to the same with the scanner as without", async () => {
    const random = seeded(SEED + 1);
    const outcome = (pack: Uint8Array, kernels = selectKernels()) =>
      takeIn(pack, { kernels, limits: LIMITS }).then(
        ({ index }) => toHex(index),
        (error) => messageOf(error),
      );
    const fast = selectKernels();
    const plain = withoutScanner(fast);
    for (let round = 0; round < 500; round++) {
      const pack = withFault(smallPack(random), random);
      const hint = `seed ${SEED + 1}, round ${round}`;
      assert.equal(await outcome(pack, fast), await outcome(pack, plain), hint);
    }
  });
});
