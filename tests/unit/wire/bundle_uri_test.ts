import assert from "node:assert/strict";
import { bundleLines } from "../../../src/wire/bundle_uri.ts";
import { describe, it } from "../../support/test.ts";

describe("bundleLines", () => {
  it("tells of bundles alone, in the order of configuration", () => {
    assert.deepEqual(
      bundleLines([
        ["core.bare", "true"],
        ["bundle.version", "1"],
        ["bundle.mode", "all"],
        ["bundle.Some Id.uri", "https://example.com/a.bundle?b=c"],
        ["bundles.x", "y"],
        ["bundle.mode", "any"],
      ]),
      {
        lines: [
          "bundle.version=1",
          "bundle.mode=all",
          "bundle.Some Id.uri=https://example.com/a.bundle?b=c",
          "bundle.mode=any",
        ],
        unfit: [],
      },
    );
  });

  it("leaves out what clients would misread", () => {
    assert.deepEqual(
      bundleLines([
        ["bundle.a.uri", ""],
        ["bundle.a=b.uri", "x"],
        ["bundle.c.uri", "x\nbundle.mode=any"],
        ["bundle.d.uri", "x\0"],
        ["bundle.e.uri", "x".repeat(65516 - 13)],
        ["bundle.f.uri", "x".repeat(65517 - 13)],
      ]),
      {
        lines: [`bundle.e.uri=${"x".repeat(65516 - 13)}`],
        unfit: [
          "bundle.a.uri",
          "bundle.a=b.uri",
          "bundle.c.uri",
          "bundle.d.uri",
          "bundle.f.uri",
        ],
      },
    );
  });
});
