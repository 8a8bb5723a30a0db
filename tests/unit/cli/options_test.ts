import assert from "node:assert/strict";
import { type OptionRow, parseOptions } from "../../../src/cli/options.ts";
import { describe, it } from "../../support/test.ts";

const ROWS: readonly OptionRow[] = [
  { name: "verbose", short: "v", meaning: "" },
  { name: "port", short: "p", value: "<n>", isInteger: true, meaning: "" },
  { name: "base-path", value: "<path>", meaning: "" },
  { name: "max-body", value: "<n>", isSize: true, meaning: "" },
];

function refused(args: readonly string[], message: string): void {
  assert.throws(() => parseOptions(ROWS, args), {
    name: "UsageError",
    code: "usage",
    message,
  });
}

describe("parseOptions", () => {
  it("takes a value behind = and as the next argument", () => {
    for (const args of [["--port=99"], ["--port", "99"], ["-p", "99"]]) {
      assert.equal(parseOptions(ROWS, args).options.integer("port"), 99);
    }
    assert.equal(parseOptions(ROWS, ["-p99"]).options.integer("port"), 99);
  });

  it("takes sizes with and without a unit", () => {
    for (
      const [text, bytes] of [
        ...[["0", 0], ["4294967296", 2 ** 32], ["3k", 3072]] as const,
        ...[["5M", 5 << 20], ["20g", 20 * 2 ** 30]] as const,
      ]
    ) {
      const { options } = parseOptions(ROWS, [`--max-body=${text}`]);
      assert.equal(options.size("max-body"), bytes, text);
    }
    assert.equal(parseOptions(ROWS, []).options.size("max-body"), undefined);
    for (const text of ["", "-1", "1t", "k", "1.5g", "1 k", "1e3", "0x10"]) {
      refused(
        [`--max-body=${text}`],
        "option `max-body' expects a non-negative integer value with an " +
          "optional k/m/g suffix",
      );
    }
  });

  it("takes values that are empty or look like options", () => {
    const { options, rest } = parseOptions(ROWS, [
      "--base-path=",
      "--port",
      "-1",
    ]);
    assert.equal(options.text("base-path"), "");
    assert.equal(options.integer("port"), -1);
    assert.deepEqual(rest, []);
  });

  it("takes flags back with --no-, and values too", () => {
    const { options } = parseOptions(ROWS, [
      "-v",
      "--no-verbose",
      "--port=1",
      "--no-port",
    ]);
    assert.ok(!options.flag("verbose"));
    assert.ok(options.has("verbose"));
    assert.equal(options.integer("port"), undefined);
  });

  it("lets the last of two win", () => {
    const { options } = parseOptions(ROWS, ["--port=1", "--port=2"]);
    assert.equal(options.integer("port"), 2);
  });

  it("keeps every value, in order, until it is taken back", () => {
    const { options } = parseOptions(ROWS, [
      "--base-path=a",
      "--no-base-path",
      "--base-path=b",
      "--port=1",
      "--base-path",
      "c",
    ]);
    assert.deepEqual(options.all("base-path"), ["b", "c"]);
    assert.equal(options.text("base-path"), "c");
    assert.deepEqual(options.all("verbose"), []);
    assert.deepEqual(options.among(["port", "base-path"]), [
      { name: "base-path", value: "a" },
      { name: "base-path", value: false },
      { name: "base-path", value: "b" },
      { name: "port", value: "1" },
      { name: "base-path", value: "c" },
    ]);
  });

  it("takes an optional value behind = alone", () => {
    const rows = [{ ...(ROWS[2] as OptionRow), isOptional: true }];
    const bare = parseOptions(rows, ["--base-path", "x"]);
    assert.equal(bare.options.text("base-path"), "");
    assert.deepEqual(bare.rest, ["x"]);
    const full = parseOptions(rows, ["--base-path=x"]);
    assert.equal(full.options.text("base-path"), "x");
  });

  it("says why there is no option of that name", () => {
    const refused = { ports: "is internal" };
    for (const arg of ["--ports", "--ports=1"]) {
      assert.throws(() => parseOptions(ROWS, [arg], refused), {
        code: "usage",
        message: "option `ports' is internal",
      });
    }
    assert.ok(parseOptions(ROWS, ["--verbose"], refused).options);
  });

  it("finds arguments between options, and all behind --", () => {
    const { options, rest } = parseOptions(ROWS, [
      "a",
      "--verbose",
      "-",
      "--",
      "--port",
    ]);
    assert.ok(options.flag("verbose"));
    assert.deepEqual(rest, ["a", "-", "--port"]);
  });

  it("stops at a call for help", () => {
    assert.equal(parseOptions(ROWS, ["-v", "-h", "--bad"]).help, "-h");
    assert.equal(parseOptions(ROWS, ["--help"]).help, "--help");
  });

  it("names the nearest option when one is unknown", () => {
    refused(
      ["--prot=1"],
      "unknown option `prot'\nhint: the most similar option is --port",
    );
    refused(
      ["--no-such-thing-at-all"],
      "unknown option `no-such-thing-at-all'",
    );
    refused(["-x"], "unknown switch `x'");
  });

  it("refuses values that are missing, misplaced or no numbers", () => {
    refused(["--port"], "option `port' requires a value");
    refused(["--verbose=1"], "option `verbose' takes no value");
    refused(["--no-port=1"], "option `port' takes no value");
    refused(["--port=1x"], "option `port' expects a numerical value");
    refused(["--port="], "option `port' expects a numerical value");
    refused(
      ["--port=99999999999"],
      "option `port' expects a numerical value",
    );
  });

  it("does not take names that every object has for options", () => {
    refused(["--constructor"], "unknown option `constructor'");
  });
});
