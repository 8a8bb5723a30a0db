/**
 * Holds the source tree to the rules of the house, and the rules to what they
 * are said to catch.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { faultsOf } from "./support/architecture.ts";
import { describe, it, test } from "./support/test.ts";

const ROOT = new URL("../", import.meta.url);

function sourceFiles(): string[] {
  const entries = ["mod.ts", "cli.ts"].filter((name) =>
    existsSync(new URL(name, ROOT))
  );
  const sources = readdirSync(new URL("src", ROOT), { recursive: true })
    .map((name) => `src/${String(name).replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".ts"));
  return [...entries, ...sources].sort();
}

test("every source file keeps the rules of the house", () => {
  const faults = sourceFiles().flatMap((path) =>
    faultsOf(path, readFileSync(new URL(path, ROOT), "utf8"))
  );
  assert.equal(faults.length, 0, `\n${faults.join("\n")}`);
});

const OPENING = "/**\n * For tests.\n *\n * @module\n */\n";

/** What line 6 of a file, the first after its opening comment, breaks. */
function faultsOfLine(path: string, line: string): string[] {
  return faultsOf(path, `${OPENING}${line}\n`);
}

describe("the rules of the house", () => {
  const caught: [string, string, RegExp][] = [
    ["src/core/a.ts", 'import { a } from "../wire/a.ts";', /core may not/],
    ["src/core/a.ts", 'import type { A } from "../pack/a.ts";', /core may not/],
    ["src/core/a.ts", 'export * from "../object/a.ts";', /core may not/],
    ["src/core/a.ts", 'import "../pktline/a.ts";', /"..\/pktline\/a.ts"/],
    ["src/wire/a.ts", 'const a = await import("../graph/a.ts");', /wire may/],
    ["src/wire/a.ts", 'type A = import("../service/a.ts").A;', /wire may not/],
    ["src/wire/a.ts", "await import(`../graph/a.ts`);", /wire may not/],
    ["src/wire/a.ts", "await import(name);", /a computed name/],
    ["src/graph/a.ts", 'import { a } from "../storage/files/a.ts";', /graph/],
    ["src/graph/a.ts", 'import { a } from "../kernels/select.ts";', /graph/],
    ["src/server/a.ts", 'import { a } from "../runtime/a.ts";', /server may/],
    ["src/runtime/a.ts", 'import { a } from "../std/cli.ts";', /runtime may/],
    ["src/core/a.ts", 'import { a } from "@std/cli";', /core may not import/],
    ["src/core/a.ts", 'import { a } from "fflate";', /"fflate"/],
    ["src/core/a.ts", 'import { a } from "lodash";', /"lodash"/],
    ["src/core/a.ts", 'import { a } from "https://a.example/a.ts";', /https/],
    ["src/core/a.ts", 'import { a } from "../../cli.ts";', /core may not/],
    ["src/compose.ts", 'import { a } from "./cli/a.ts";', /may not import/],
    ["mod.ts", 'export { a } from "./src/cli/a.ts";', /mod.ts may not import/],
    ["src/pack/a.ts", 'new URL("../service/a.ts", import.meta.url);', /pack/],
    ["src/other/a.ts", "", /no folder of the table/],
    ["src/stray.ts", "", /no folder of the table/],
    ["src/core/a.ts", 'import fs from "node:fs";', /:6: imports "node:fs"/],
    ["src/core/a.ts", 'await import("node:fs");', /imports "node:fs"/],
    ["src/core/a.ts", "Deno.cwd();", /:6: names Deno/],
    ["src/core/a.ts", "`${Bun.version}`;", /names Bun/],
    ["src/kernels/a.ts", "globalThis.Bun;", /names Bun/],
    ["cli.ts", "Deno.exit(1);", /names Deno/],
    ["src/core/a.ts", "export default 1;", /:6: exports by default/],
    ["src/core/a.ts", "export { a as default };", /exports by default/],
    ["src/core/a.ts", "\n".repeat(500), /has 506 lines/],
  ];
  for (const [path, line, expected] of caught) {
    it(`catch ${JSON.stringify(line.slice(0, 60))} in ${path}`, () => {
      const faults = faultsOfLine(path, line);
      assert.equal(faults.length, 1, faults.join("\n"));
      assert.match(faults.join(), expected);
      assert.ok(faults.join().startsWith(`${path}:`));
    });
  }

  const allowed: [string, string][] = [
    ["src/core/a.ts", 'import { b } from "./b.ts";'],
    ["src/wire/v2/a.ts", 'import { b } from "../b.ts";'],
    ["src/object/a.ts", 'import type { A } from "../kernels/types.ts";'],
    ["src/graph/a.ts", 'import type { A } from "../storage/types.ts";'],
    ["src/graph/a.ts", 'import { a } from "../pack/bitmap.ts";'],
    ["src/storage/files/a.ts", 'import { a } from "../../pack/a.ts";'],
    ["src/cli/a.ts", 'import { a } from "@std/cli/parse-args";'],
    ["src/cli/a.ts", 'import { a } from "../compose.ts";'],
    ["src/service/a.ts", 'import { Zip } from "fflate";'],
    ["src/runtime/a.ts", 'import fs from "node:fs"; Deno.cwd();'],
    ["src/runtime/a.ts", "await import(name);"],
    ["src/kernels/native/a.ts", 'import zlib from "node:zlib";'],
    ["src/threads.ts", 'new URL("./worker.ts", import.meta.url);'],
    ["cli.ts", 'import { a } from "./src/cli/a.ts";'],
    ["cli.ts", 'import { a } from "./mod.ts";'],
    ["src/core/a.ts", '// import "../wire/a.ts" Deno.cwd()'],
    ["src/core/a.ts", '/* export default 1\n Bun.serve "node:fs" */'],
    ["src/core/a.ts", "const a = 'import \"../wire/a.ts\" Deno.cwd()';"],
    ["src/core/a.ts", 'const a = `${"}"} from "node:fs" // ${1}` + /"Deno/;'],
    ["src/core/a.ts", 'const a = b / c; const d = "x / Deno";'],
    ["src/core/a.ts", "const a = runtime.Deno; const isDeno = 1;"],
    ["src/kernels/wasm/bytes.ts", "\n".repeat(600)],
  ];
  for (const [path, line] of allowed) {
    it(`allow ${JSON.stringify(line.slice(0, 60))} in ${path}`, () => {
      assert.deepEqual(faultsOfLine(path, line), []);
    });
  }

  it("want an opening comment with @module", () => {
    const faults = faultsOf("src/core/a.ts", "/** Words. */\nexport {};\n");
    assert.match(faults.join(), /does not open with a comment/);
    const late = faultsOf("src/core/a.ts", `export {};\n${OPENING}`);
    assert.match(late.join(), /does not open with a comment/);
  });

  it("see through a first line for the shell", () => {
    const text = `#!/usr/bin/env -S deno run -A\n${OPENING}`;
    assert.deepEqual(faultsOf("cli.ts", text), []);
  });
});
