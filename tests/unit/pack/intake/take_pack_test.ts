/** Packs that git makes, taken in as `git index-pack` does. @module */

import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../../../src/core/bytes.ts";
import {
  OBJECT_FORMATS,
  oidFromRaw,
  oidToRaw,
} from "../../../../src/core/oid.ts";
import { NATIVE } from "../../../../src/kernels/native/kernels.ts";
import { REFERENCE } from "../../../../src/kernels/reference/kernels.ts";
import { selectKernels } from "../../../../src/kernels/select.ts";
import { wasmKernels } from "../../../../src/kernels/wasm/kernels.ts";
import {
  type KindName,
  kindOf,
  OFS_DELTA,
} from "../../../../src/object/kind.ts";
import type { ExistingObjects } from "../../../../src/pack/intake/ports.ts";
import { openReceived } from "../../../../src/storage/intake.ts";
import { emptyRepository, importStream } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { FastImport, randomHistory } from "../../../support/fixture_history.ts";
import { gitSync } from "../../../support/git.ts";
import {
  type Intake,
  takeIn,
  withoutScanner,
} from "../../../support/intake.ts";
import { seeded } from "../../../support/random.ts";
import { before, describe, it } from "../../../support/test.ts";

const SEED = 20_260_301;

for (const format of Object.values(OBJECT_FORMATS)) {
  describe(`takePack with ${format.name}`, () => {
    const root = temporaryDirectory(`intake-${format.name}`);
    const source = join(root, "source");
    /** Packs by name: all, without deltas by offset, thin. */
    const packs = new Map<string, Uint8Array>();
    const random = seeded(SEED);

    const packOfRevisions = (revisions: string, ...options: string[]) =>
      Uint8Array.from(
        gitSync(
          ["pack-objects", "--stdout", "--revs", "-q", ...options],
          { cwd: source, input: `${revisions}\n` },
        ),
        (character) => character.charCodeAt(0),
      );

    before(() => {
      emptyRepository(source, format.name);
      const history = new FastImport();
      const commits = randomHistory(history, random, {
        commits: 60,
        branches: ["main", "dev"],
        oddDates: 0,
      });
      const last = commits.at(-1);
      history.commit({
        ref: "refs/heads/big",
        parents: [last?.mark ?? 1],
        date: 1_700_000_000,
        changes: [
          history.file("noise", random.bytes(1_500_000)),
          history.file("zeros", new Uint8Array(3_000_000)),
          history.file("empty", ""),
          history.file("line", "x"),
        ],
      });
      importStream(source, history, "packed");
      gitSync(["repack", "-adfq", "--depth=30"], { cwd: source });
      packs.set(
        "all",
        packOfRevisions("main\ndev\nbig", "--delta-base-offset"),
      );
      packs.set("named bases", packOfRevisions("main\ndev\nbig"));
      packs.set("thin", packOfRevisions("main\n^main~20", "--thin"));
      packs.set(
        "thin with offsets",
        packOfRevisions("dev\n^main~9", "--thin", "--delta-base-offset"),
      );
      packs.set("empty", packOfRevisions("main\n^main"));
      packs.set("undeltified", packOfRevisions("main\ndev\nbig", "--window=0"));
    });

    /** What `git index-pack` makes of it. */
    const byGit = (
      bytes: Uint8Array,
      objects?: string,
    ): Omit<Intake, "taken"> => {
      const target = join(root, "target");
      rmSync(target, { recursive: true, force: true });
      emptyRepository(target, format.name);
      const env = { GIT_ALTERNATE_OBJECT_DIRECTORIES: objects };
      // Threads take turns in adding bases: one keeps to the pack's order.
      gitSync(
        [
          ...["-c", "pack.threads=1", "index-pack", "--stdin", "--fix-thin"],
          "--rev-index",
        ],
        { cwd: target, input: bytes, env },
      );
      const files = readdirSync(join(target, "objects/pack"));
      const read = (end: string) => {
        const file = files.find((file) => file.endsWith(end)) ?? "none";
        return new Uint8Array(readFileSync(join(target, "objects/pack", file)));
      };
      return {
        pack: read(".pack"),
        index: read(".idx"),
        reverse: read(".rev"),
      };
    };

    /** The source's objects, read by git. */
    const existing: ExistingObjects = {
      has: () => false,
      read(id) {
        const name = toHex(id);
        const kind = kindOf(
          gitSync(["cat-file", "-t", name], { cwd: source })
            .trim() as KindName,
        );
        if (kind === undefined) return undefined;
        const type = gitSync(["cat-file", "-t", name], { cwd: source }).trim();
        const text = gitSync(["cat-file", type, name], { cwd: source });
        return {
          kind,
          data: Uint8Array.from(text, (character) => character.charCodeAt(0)),
        };
      },
    };

    it("writes the pack, the index and the reverse index that git does", async () => {
      for (const [name, bytes] of packs) {
        const { taken, ...ours } = await takeIn(bytes, {
          ...{ format, existing, end: "silent" },
        });
        const isThin = name.startsWith("thin");
        // git compresses bases at another level: of those that it chose the
        // ids must be ours, and of ours its index.
        const theirs = byGit(isThin ? ours.pack : bytes);
        assert.equal(toHex(ours.index), toHex(theirs.index), name);
        assert.equal(toHex(ours.reverse), toHex(theirs.reverse), name);
        assert.equal(ours.pack.length, theirs.pack.length, name);
        assert.ok(ours.pack.every((byte, i) => byte === theirs.pack[i]), name);
        if (isThin) {
          const { index } = byGit(bytes, join(source, "objects"));
          const idsEnd = 1032 + taken.entries.count * format.rawLength;
          assert.equal(
            toHex(ours.index, 0, idsEnd),
            toHex(index, 0, idsEnd),
            name,
          );
        }
        assert.equal(taken.received, bytes.length, name);
        assert.equal(taken.surplus, 0, name);
        assert.equal(taken.completed > 0, isThin, name);
        assert.equal(taken.entries.count, taken.objects + taken.completed);
      }
    });

    it("comes to the same with all kernels and however the bytes arrive", async () => {
      const bytes = packs.get("all") as Uint8Array;
      const { index, pack } = await takeIn(bytes, { format });
      const sizes = [1, 700, 5_000, 65_536, 900_000];
      for (const most of sizes) {
        const kernels = wasmKernels(NATIVE);
        for (const some of [kernels, withoutScanner(kernels)]) {
          if (most === 1 && format.name === "sha256") continue;
          const own = await takeIn(bytes, {
            ...{ format, kernels: some, end: "silent" },
            pieces: () => most === 1 ? 37 : 1 + random.int(most),
          });
          assert.deepEqual(own.index, index, `${most}`);
          assert.equal(own.pack.length, pack.length);
        }
      }
    });

    it("comes to the same in plain TypeScript", async () => {
      const bytes = packs.get("thin") as Uint8Array;
      const options = { format, existing, pieces: () => 1 + random.int(3_000) };
      const fast = await takeIn(bytes, options);
      const kernels = { ...REFERENCE, deflate: NATIVE.deflate };
      const plain = await takeIn(bytes, { ...options, kernels });
      assert.deepEqual(plain.taken.entries, fast.taken.entries);
    });

    it("gives every object to the check, and compares those that are here", async () => {
      const bytes = packs.get("named bases") as Uint8Array;
      for (const kernels of [selectKernels(), withoutScanner(NATIVE)]) {
        if (kernels.label === "native" && format.name === "sha1") continue;
        const seen = new Set<string>();
        let compared = 0;
        const contents = new Map<string, Uint8Array>();
        const { taken } = await takeIn(bytes, {
          ...{ format, kernels },
          check(_kind, data, oid) {
            seen.add(toHex(oid));
            contents.set(toHex(oid), data.slice());
          },
        });
        assert.equal(seen.size, taken.objects);
        const { ids, kinds, count } = taken.entries;
        const kindById = new Map<string, number>();
        for (let rank = 0; rank < count; rank++) {
          const at = rank * format.rawLength;
          const id = toHex(ids, at, at + format.rawLength);
          kindById.set(id, kinds[rank] as number);
        }
        await takeIn(bytes, {
          ...{ format, kernels },
          existing: {
            has: (id) => contents.has(toHex(id)),
            read(id) {
              compared++;
              const data = contents.get(toHex(id)) as Uint8Array;
              return { kind: kindById.get(toHex(id)) as 1, data };
            },
          },
        });
        assert.equal(compared, taken.objects);
      }
    });

    it("makes no delta anew that is stored here as it comes", async () => {
      const bytes = packs.get("all") as Uint8Array;
      const kernels = selectKernels();
      const first = await takeIn(bytes, { format });
      const { entries } = first.taken;
      const deltas = [...entries.types].filter((type) => type === OFS_DELTA);
      assert.ok(deltas.length > 20);
      const store = openReceived(
        {
          size: first.pack.length,
          readAt(into, at) {
            const some = first.pack.subarray(at, at + into.length);
            into.set(some);
            return some.length;
          },
        },
        { entries, index: () => [first.index] },
        kernels,
      );
      const numberOf = (id: Uint8Array) =>
        store.find(oidFromRaw(id, 0, format));
      const take = async (others: ReadonlySet<string>) => {
        const read = new Set<string>();
        await takeIn(bytes, {
          ...{ format, kernels },
          existing: {
            has: (id) => store.hasAll(id),
            read(id) {
              read.add(toHex(id));
              return store.read(numberOf(id));
            },
            storedDelta(id) {
              const found = store.storedDelta(numberOf(id));
              if (found === undefined) return undefined;
              const baseId = oidToRaw(store.oid(found.base));
              if (!others.has(toHex(id))) return { ...found, baseId };
              // Another one, in its last byte or in its base.
              const data = found.data.slice();
              if (data.length % 2 === 1) return { data, baseId: id };
              data[data.length - 1] = 1 ^ (data.at(-1) as number);
              return { data, baseId };
            },
          },
        });
        return read;
      };
      const idAt = (rank: number) =>
        toHex(entries.ids.subarray(
          rank * format.rawLength,
          (rank + 1) * format.rawLength,
        ));
      const ranks = Array.from(entries.types, (_, rank) => rank);
      const wholes = ranks.filter((rank) => entries.types[rank] !== OFS_DELTA);
      try {
        assert.deepEqual(await take(new Set()), new Set(wholes.map(idAt)));
        const odd = ranks.filter((rank) => rank % 3 === 0);
        const isRead = new Uint8Array(entries.count);
        for (const rank of ranks) {
          const base = entries.bases[rank] as number;
          if (entries.types[rank] !== OFS_DELTA) continue;
          const isBaseRead = entries.types[base] === OFS_DELTA && isRead[base];
          isRead[rank] = rank % 3 === 0 || isBaseRead ? 1 : 0;
        }
        const expected = ranks.filter((rank) => isRead[rank] === 1);
        assert.deepEqual(
          await take(new Set(odd.map(idAt))),
          new Set([...wholes, ...expected].map(idAt)),
        );
      } finally {
        store.close();
      }
    });
  });
}
