/** What is pushed to a repository in memory. @module */

import assert from "node:assert/strict";
import { toHex } from "../../../../src/core/bytes.ts";
import { OBJECT_FORMATS, oidFromRaw } from "../../../../src/core/oid.ts";
import type { ObjectFormat, Oid } from "../../../../src/core/oid.ts";
import { selectKernels } from "../../../../src/kernels/select.ts";
import { BLOB, REF_DELTA } from "../../../../src/object/kind.ts";
import { MemoryRepository } from "../../../../src/storage/memory/memory_repository.ts";
import type { ReceiveOptions } from "../../../../src/storage/writes.ts";
import {
  entryOf,
  inputOf,
  packOf,
  UNLIMITED,
} from "../../../support/intake.ts";
import { idOf, madeDelta } from "../../../support/pack_entries.ts";
import { describe, it } from "../../../support/test.ts";
import { fromUtf8 } from "../../../../src/core/bytes.ts";

const kernels = selectKernels();
const OPTIONS: ReceiveOptions = {
  limits: UNLIMITED,
  unpackLimit: 100,
  keep: "test",
  signal: new AbortController().signal,
};
const OLD = fromUtf8("what was here before\n");
const NEW = fromUtf8("what is pushed\n");
const RESULT = fromUtf8("what w and more");

function oidOf(data: Uint8Array, format: ObjectFormat): Oid {
  return oidFromRaw(idOf(BLOB, data, format), 0, format);
}

/** A thin pack: a blob, and a delta of one that is here. */
function pushed(format: ObjectFormat): Uint8Array {
  return packOf([
    entryOf(BLOB, NEW),
    entryOf(REF_DELTA, madeDelta(OLD.length, 6, " and more"), {
      baseId: idOf(BLOB, OLD, format),
    }),
  ], { format });
}

for (const format of Object.values(OBJECT_FORMATS)) {
  describe(`A quarantine in memory with ${format.name}`, () => {
    const setUp = async () => {
      const repository = new MemoryRepository({ format, kernels });
      repository.addBlob(OLD);
      const writer = await repository.writer();
      return { repository, quarantine: await writer.openQuarantine() };
    };
    const has = async (
      { snapshot }: Pick<MemoryRepository, "snapshot">,
      data: Uint8Array,
    ) => {
      using now = await snapshot();
      const number = now.objects.find(oidOf(data, format));
      if (number < 0) return false;
      assert.deepEqual(new Uint8Array(now.objects.read(number).data), data);
      return true;
    };
    const seen = (source: Pick<MemoryRepository, "snapshot">) =>
      Promise.all(
        [OLD, NEW, RESULT].map((data) =>
          has({ snapshot: () => source.snapshot() }, data)
        ),
      );

    it("shows what arrived to itself, and to all once it is published", async () => {
      const { repository, quarantine } = await setUp();
      assert.deepEqual(quarantine.environment, {});
      const bytes = pushed(format);
      assert.deepEqual(await quarantine.receive(inputOf(bytes), OPTIONS), {
        objects: 2,
        bytes: bytes.length,
        completed: 1,
        isPack: true,
      });
      assert.deepEqual(await seen(quarantine), [true, true, true]);
      assert.deepEqual(await seen(repository), [true, false, false]);
      await quarantine.publish();
      assert.deepEqual(await seen(quarantine), [true, true, true]);
      assert.deepEqual(await seen(repository), [true, true, true]);
      await quarantine[Symbol.asyncDispose]();
      assert.deepEqual(await seen(repository), [true, true, true]);
      // Refs may name what was published.
      repository.setRef("refs/tags/pushed", oidOf(NEW, format));
    });

    it("forgets what is not published", async () => {
      const { repository, quarantine } = await setUp();
      await quarantine.receive(inputOf(pushed(format)), OPTIONS);
      await quarantine[Symbol.asyncDispose]();
      assert.deepEqual(await seen(repository), [true, false, false]);
    });

    it("takes the same pack twice, and none of a pack that is broken", async () => {
      const { repository, quarantine } = await setUp();
      const bytes = pushed(format);
      await assert.rejects(
        quarantine.receive(inputOf(bytes.subarray(0, -1)), OPTIONS),
        { name: "ProtocolError", message: "early EOF" },
      );
      assert.deepEqual(await seen(quarantine), [true, false, false]);
      await quarantine.receive(inputOf(bytes), OPTIONS);
      await quarantine.publish();
      const writer = await repository.writer();
      await using second = await writer.openQuarantine();
      await second.receive(inputOf(bytes), OPTIONS);
      assert.deepEqual(await seen(second), [true, true, true]);
      await second.publish();
      assert.deepEqual(await seen(repository), [true, true, true]);
    });

    it("takes a pack of nothing", async () => {
      const { quarantine } = await setUp();
      const empty = packOf([], { format });
      const { objects } = await quarantine.receive(inputOf(empty), OPTIONS);
      assert.equal(objects, 0);
      assert.equal(toHex(empty.subarray(0, 4)), "5041434b");
      await quarantine.publish();
    });
  });
}
