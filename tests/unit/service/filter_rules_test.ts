/** Who may use which filter, and where it is advertised. @module */

import assert from "node:assert/strict";
import type { FilterType } from "../../../src/object/filter.ts";
import { GIT_TERMS } from "../../../src/service/types.ts";
import {
  filterRules,
  offersFilters,
} from "../../../src/service/upload_pack/filter_rules.ts";
import { describe, it } from "../../support/test.ts";
import { FakeRepository } from "./fake_repository.ts";

type Setting = readonly [key: string, value: string];

const ON: Setting = ["uploadpack.allowfilter", "true"];
const TYPES: readonly FilterType[] = [
  "blob:none",
  "blob:limit",
  "tree",
  "sparse:oid",
  "object:type",
  "combine",
];

function contextOf(settings: readonly Setting[], filters: "on" | "off") {
  const repository = new FakeRepository();
  for (const [key, value] of settings) repository.set(key, value);
  return { repository, terms: { ...GIT_TERMS, filters: filters === "on" } };
}

/** The types that are allowed, and the depth. */
function allowed(...settings: readonly Setting[]): string {
  const rules = filterRules(contextOf([ON, ...settings], "off"));
  assert.ok(rules !== undefined);
  const types = TYPES.filter((type) => rules.allows(type));
  return `${types.join(" ")} ${rules.maxTreeDepth}`;
}

const EVERY = TYPES.join(" ");
const ANY_DEPTH = "18446744073709551615";

describe("filters", () => {
  it("are offered as the terms say where the configuration is silent", () => {
    assert.ok(!offersFilters(contextOf([], "off")));
    assert.ok(offersFilters(contextOf([], "on")));
    assert.equal(filterRules(contextOf([], "off")), undefined);
  });

  it("are offered as the configuration says, whatever the terms", () => {
    assert.ok(offersFilters(contextOf([ON], "off")));
    const off: Setting = ["uploadpack.allowfilter", "false"];
    assert.ok(!offersFilters(contextOf([off], "on")));
  });

  it("are all allowed at first", () => {
    assert.equal(allowed(), `${EVERY} ${ANY_DEPTH}`);
  });

  it("are allowed and forbidden one by one", () => {
    assert.equal(
      allowed(["uploadpackfilter.allow", "false"]),
      ` ${ANY_DEPTH}`,
    );
    assert.equal(
      allowed(
        ["uploadpackfilter.blob:none.allow", "true"],
        ["uploadpackfilter.allow", "false"],
        ["uploadpackfilter.combine.allow", "true"],
      ),
      `blob:none combine ${ANY_DEPTH}`,
    );
    assert.equal(
      allowed(["uploadpackfilter.sparse:oid.allow", "false"]),
      `${EVERY.replace("sparse:oid ", "")} ${ANY_DEPTH}`,
    );
  });

  it("have a depth, which allows trees where it stands last", () => {
    assert.equal(
      allowed(
        ["uploadpackfilter.allow", "false"],
        ["uploadpackfilter.tree.allow", "false"],
        ["uploadpackfilter.tree.maxdepth", "1k"],
      ),
      "tree 1024",
    );
    assert.equal(
      allowed(
        ["uploadpackfilter.tree.maxdepth", "2"],
        ["uploadpackfilter.tree.allow", "false"],
      ),
      `${EVERY.replace("tree ", "")} 2`,
    );
  });

  it("fail where a depth is no number", () => {
    assert.throws(
      () => allowed(["uploadpackfilter.tree.maxdepth", "-1"]),
      /bad numeric config value '-1' for 'uploadpackfilter.tree.maxdepth'/,
    );
  });
});
