/**
 * `parseArgs`: the cases that minimist and `@std/cli` agree on.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseArgs, type ParseOptions } from "../../../src/std/cli.ts";
import { describe, it } from "../../support/test.ts";

interface Row {
  readonly title: string;
  readonly args: readonly string[];
  readonly options?: ParseOptions;
  readonly expected: Record<string, unknown>;
}

const ROWS: readonly Row[] = [
  {
    title: "reads values behind a space, an equals sign and a letter",
    args: ["--host", "localhost", "--port=555", "-n", "5", "-m=6", "-k7"],
    expected: { host: "localhost", port: 555, n: 5, m: 6, k: 7, _: [] },
  },
  {
    title: "turns what looks like a number into one, and nothing else",
    args: ["-x", "1234", "-y", "5.67", "-z", "1e7", "-w", "10f", "0xff", " "],
    expected: { x: 1234, y: 5.67, z: 1e7, w: "10f", _: [255, " "] },
  },
  {
    title: "keeps the text of flags named in string, and of arguments",
    args: ["-s", "0001234", "--empty", "--", "007"],
    options: { string: ["s", "empty", "_"] },
    expected: { s: "0001234", empty: "", _: ["007"] },
  },
  {
    title: "gives boolean flags no value but true and false",
    args: ["--verbose", "false", "-t", "moo", "--u=true", "--v=maybe"],
    options: { boolean: ["verbose", "t", "u", "v", "absent"] },
    expected: {
      verbose: false,
      t: true,
      u: true,
      v: false,
      absent: false,
      _: ["moo"],
    },
  },
  {
    title: "takes every long flag for a boolean when told so",
    args: ["moo", "--honk", "cow", "-p", "55", "--tacos=good"],
    options: { boolean: true },
    expected: { honk: true, tacos: "good", p: 55, _: ["moo", "cow"] },
  },
  {
    title: "reads bundled letters, the last one with a value",
    args: ["-cats", "woo", "-xyz/foo", "-f-", "-b", "-"],
    expected: {
      c: true,
      a: true,
      t: true,
      s: "woo",
      x: true,
      y: true,
      z: "/foo",
      f: "-",
      b: "-",
      _: [],
    },
  },
  {
    title: "reads a negated flag only where it is negatable",
    args: ["--foo", "--no-foo", "--no-bar"],
    options: { boolean: ["foo"], negatable: ["foo"] },
    expected: { foo: false, "no-bar": true, _: [] },
  },
  {
    title: "lets the last of a flag and its negation win",
    args: ["--no-foo", "--foo", "123"],
    options: { boolean: ["foo"], negatable: ["foo"] },
    expected: { foo: true, _: [123] },
  },
  {
    title: "gives all names of a flag the same value",
    args: ["-z", "55", "--herp", "derp"],
    options: { alias: { z: ["zm", "zoom"], h: "herp" }, boolean: "h" },
    expected: { z: 55, zm: 55, zoom: 55, h: true, herp: true, _: ["derp"] },
  },
  {
    title: "fills defaults in, under every name and into nested values",
    args: ["--b", "2"],
    options: { default: { "a.x": 11, b: 1 }, alias: { "a.x": "aa.y" } },
    expected: { a: { x: 11 }, aa: { y: 11 }, b: 2, _: [] },
  },
  {
    title: "collects repeated flags, and lets the last one win elsewhere",
    args: ["-c", "1", "-c", "2", "-l", "1", "-l", "2"],
    options: { collect: ["c", "none"], string: ["c"] },
    expected: { c: ["1", "2"], none: [], l: 2, _: [] },
  },
  {
    title: "reads dotted names as nested values",
    args: ["--foo.bar", "3", "--foo.quux.baz", "--beep.boop"],
    expected: {
      foo: { bar: 3, quux: { baz: true } },
      beep: { boop: true },
      _: [],
    },
  },
  {
    title: "takes what follows a double dash as it is",
    args: ["--name", "John", "before", "--", "--after", "5"],
    expected: { name: "John", _: ["before", "--after", "5"] },
  },
  {
    title: "keeps what follows a double dash apart when told so",
    args: ["--name", "John", "before", "--", "after"],
    options: { "--": true },
    expected: { name: "John", _: ["before"], "--": ["after"] },
  },
  {
    title: "stops at the first argument that is no flag when told so",
    args: ["--a", "b", "clone", "--depth", "1"],
    options: { stopEarly: true },
    expected: { a: "b", _: ["clone", "--depth", "1"] },
  },
  {
    title: "does not take the next flag for a value",
    args: ["--a", "--b", "-c", "-d"],
    expected: { a: true, b: true, c: true, d: true, _: [] },
  },
];

describe("parseArgs", () => {
  for (const row of ROWS) {
    it(row.title, () => {
      assert.deepEqual(parseArgs(row.args, row.options), row.expected);
    });
  }

  it("asks about each flag and argument that no option names", () => {
    const asked: unknown[] = [];
    const args = parseArgs(["--known", "--typo=1", "-x", "file"], {
      boolean: ["known"],
      unknown: (...question) => {
        asked.push(question);
        return question[1] !== "typo";
      },
    });
    assert.deepEqual(asked, [["--typo=1", "typo", "1"], ["-x", "x", "file"]]);
    assert.deepEqual(args, { known: true, x: "file", _: [] });
  });

  it("keeps hostile names out of every prototype", () => {
    const args = parseArgs(["--__proto__.polluted", "--constructor.prototype"]);
    assert.ok(Object.hasOwn(args, "__proto__"));
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
    assert.equal(Object.getPrototypeOf(args), Object.prototype);
  });

  it("knows the types of the flags that it was told about", () => {
    const args = parseArgs(["--port=1"], {
      string: ["port", "host"],
      boolean: ["verbose"],
      collect: ["host"],
      default: { port: 9418 },
    });
    const port: string | number = args.port;
    const verbose: boolean = args.verbose;
    const host: string[] = args.host;
    assert.deepEqual([port, verbose, host], ["1", false, []]);
  });
});
