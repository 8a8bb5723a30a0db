import assert from "node:assert/strict";
import { DictBackend } from "../../../src/server/dict_backend.ts";
import type { Repository } from "../../../src/storage/types.ts";
import { test } from "../../support/test.ts";

const one = {} as Repository;

test("a DictBackend finds names with and without a slash in front", async () => {
  for (const key of ["a.git", "/a.git"]) {
    const backend = new DictBackend({ [key]: one });
    assert.equal(await backend.openRepository("/a.git"), one);
    assert.equal(await backend.openRepository("a.git"), one);
  }
});

test("a DictBackend sees what is added to its Map later", async () => {
  const map = new Map<string, Repository>();
  const backend = new DictBackend(map);
  await assert.rejects(backend.openRepository("/late"));
  map.set("late", one);
  assert.equal(await backend.openRepository("/late"), one);
});

test("a DictBackend refuses other names, inherited ones too", async () => {
  const backend = new DictBackend({ a: one });
  for (const path of ["/", "/b", "/a/..", "/constructor", "/__proto__"]) {
    await assert.rejects(backend.openRepository(path), {
      name: "RefusedError",
      code: "no-such-repository",
    });
  }
});
