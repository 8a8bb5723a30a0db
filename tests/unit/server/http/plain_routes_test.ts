/**
 * The plain files that have a route, and all that has none.
 *
 * @module
 */

import assert from "node:assert/strict";
import { findRoute } from "../../../../src/server/http/routes.ts";
import { describe, it } from "../../../support/test.ts";

const ID = "0123456789abcdef0123456789abcdef01234567";
const LONG = `${ID}${"8".repeat(24)}`;

function routeOf(path: string, method = "GET") {
  return findRoute(method, new URL(`http://host${path}`));
}

describe("the routes of plain files", () => {
  it("are looked through in one go, however long a row of slashes is", () => {
    // Where each slash is tried, this takes hours.
    const row = "/".repeat(2 ** 22);
    for (const path of [`${row}x`, `/a${row}x`, `${row}x${row}`]) {
      assert.equal(routeOf(path).kind, "page");
    }
    assert.equal(routeOf(row).kind, "unknown");
    assert.equal(routeOf(`/a.git/HEAD${row}`).kind, "unknown");
  });

  const things = [
    ["HEAD", { type: "head" }],
    ["info/refs", { type: "refs" }],
    ["info/refs?a=b", { type: "refs" }],
    ["objects/info/packs", { type: "packs" }],
    ["objects/info/alternates", { type: "alternates" }],
    ["objects/info/http-alternates", { type: "http-alternates" }],
    [`objects/01/${ID.slice(2)}`, { type: "loose", oid: ID }],
    [`objects/01/${LONG.slice(2)}`, { type: "loose", oid: LONG }],
    [`objects/pack/pack-${ID}.pack`, { type: "pack", hash: ID }],
    [`objects/pack/pack-${LONG}.idx`, { type: "idx", hash: LONG }],
  ] as const;
  for (const [name, thing] of things) {
    it(`lead to ${name}, by GET and HEAD alone`, () => {
      for (const method of ["GET", "HEAD"]) {
        assert.deepEqual(routeOf(`/dir/a.git/${name}`, method), {
          kind: "plain",
          path: "/dir/a.git",
          thing,
        });
      }
      assert.deepEqual(routeOf(`/a.git/${name}`, "POST"), {
        kind: "wrong-method",
        allow: "GET, HEAD",
      });
    });
  }

  const nothing = [
    ...["config", "hooks/x", "packed-refs", "description", "index", "shallow"],
    ...["objects/info/../../config", "objects/info/%2e%2e/%2e%2e/config"],
    ...["objects/info/..%2f..%2fconfig", "objects%5cinfo%5cpacks"],
    ...["objects/info/commit-graph", "objects/pack/multi-pack-index"],
    ...[`objects/pack/pack-${ID}.rev`, `objects/pack/pack-${ID}.keep`],
    ...[`objects/pack/tmp_pack_abc`, `objects/pack/pack-${ID}.pack.x`],
    ...[`objects/pack/pack-${ID.toUpperCase()}.pack`, "objects/pack/"],
    ...[`objects/pack/.tmp-1-pack-${ID}.pack`, `objects/01/${ID}`],
    ...[`objects/01/${ID.slice(3)}`, `objects/0/${ID.slice(1)}`, "head"],
    ...["objects/info/packs/", "HEAD/", "info/refs%00", "HEAD%0a", "info"],
  ];
  for (const name of nothing) {
    it(`lead nowhere for ${name}`, () => {
      assert.deepEqual(routeOf(`/a.git/${name}`), { kind: "unknown" });
    });
  }

  it("lead nowhere in a repository whose name does not tell", () => {
    for (const name of ["config", "hooks/x", "objects/a", "FETCH_HEAD"]) {
      assert.deepEqual(routeOf(`/a/${name}`), { kind: "unknown" });
    }
  });

  it("lead to the one repository that is served", () => {
    const head = { kind: "plain", path: "/", thing: { type: "head" } };
    assert.deepEqual(routeOf("/HEAD"), head);
  });
});
