/**
 * Builds the wasm kernels from `assembly/` and embeds them in
 * `src/kernels/wasm/module.ts`; with `--check`, compares instead of writing.
 *
 * Embedded as base64 since `import "./x.wasm"` gives exports on one runtime
 * and a path on the other.
 *
 * @module
 */

import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import asc from "assemblyscript/asc";

const HERE = new URL(".", import.meta.url);
const TARGET = new URL("../src/kernels/wasm/module.ts", HERE);
const OPTIONS = [
  "-O3",
  "--noAssert",
  "--runtime",
  "stub",
  "--enable",
  "simd",
  "--enable",
  "bulk-memory",
  "--initialMemory",
  "4",
];

async function build(): Promise<string> {
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ["assembly/index.ts", "--outFile", "kernels.wasm", ...OPTIONS],
    {
      readFile: async (name: string) => {
        try {
          return await readFile(new URL(name, HERE), "utf8");
        } catch {
          return null;
        }
      },
      writeFile: (_name: string, contents: Uint8Array | string) => {
        if (typeof contents !== "string") binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || binary === undefined) {
    throw new Error(`Cannot build wasm: ${stderr.toString()}`);
  }
  const text = btoa(String.fromCharCode(...binary));
  const lines = text.match(/.{1,76}/g) ?? [];
  return `/**
 * The wasm kernels, built from \`wasm/assembly\` by \`wasm/build.ts\`.
 *
 * Generated: do not edit.
 *
 * @module
 */

/** The module's bytes, in base64. */
export const WASM_BASE64: string = \`
${lines.join("\n")}
\`;
`;
}

const built = await build();
if (process.argv.includes("--check")) {
  const stored = await readFile(TARGET, "utf8");
  if (stored !== built) {
    process.stderr.write(
      "src/kernels/wasm/module.ts is not what wasm/assembly builds: " +
        "run `deno task wasm`\n",
    );
    process.exit(1);
  }
  process.stdout.write("src/kernels/wasm/module.ts is up to date\n");
} else {
  await writeFile(TARGET, built);
}
