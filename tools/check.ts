/**
 * Everything a change must pass besides the tests: one row per check, all of
 * them run, the failed ones named at the end.
 *
 * @module
 */

const ROOT = new URL("../", import.meta.url).pathname;
const BUN = `${ROOT}tools/node_modules/.bin/bun`;

interface Check {
  readonly name: string;
  /** Resolves to what is wrong, empty if nothing is. */
  readonly run: () => Promise<string>;
}

/** What is type-checked from here; `wasm/` has its own dependencies. */
const CHECKED = ["mod.ts", "cli.ts", "src/", "tests/", "bench/", "tools/"];

const CHECKS: readonly Check[] = [
  { name: "format", run: () => deno("fmt", "--check") },
  { name: "lint", run: () => deno("lint") },
  { name: "types", run: () => deno("check", ...CHECKED) },
  { name: "documentation", run: () => deno("doc", "--lint", "mod.ts") },
  {
    name: "who imports whom",
    run: () => deno("test", "-A", "tests/architecture_test.ts"),
  },
  { name: "deno.lock is current", run: () => deno("install", "--frozen") },
  {
    name: "tools/deno.lock is current",
    run: () => command(Deno.execPath(), ["install", "--frozen"], "tools/"),
  },
  { name: "bun.lock is current", run: bunInstallsFrozen },
  { name: "wasm is what its source builds", run: wasmIsCurrent },
  { name: "locks name no registry", run: locksNameNoRegistry },
  { name: "one version everywhere", run: versionsAgree },
  { name: "Deno and Bun resolve the same names", run: pathsAgree },
];

function deno(...args: string[]): Promise<string> {
  return command(Deno.execPath(), args);
}

async function command(
  program: string,
  args: readonly string[],
  directory = "",
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: ROOT + directory,
    stdin: "null",
  }).output();
  if (success) return "";
  const text = new TextDecoder();
  return text.decode(stdout) + text.decode(stderr) || "failed without a word";
}

async function wasmIsCurrent(): Promise<string> {
  const installed = await command(
    Deno.execPath(),
    ["install", "--frozen", "--quiet"],
    "wasm/",
  );
  if (installed !== "") return installed;
  const types = await command(Deno.execPath(), ["check", "build.ts"], "wasm/");
  if (types !== "") return types;
  return await command(
    Deno.execPath(),
    ["run", "-A", "build.ts", "--check"],
    "wasm/",
  );
}

/** In a copy: Bun would lay node_modules out anew beside Deno's. */
async function bunInstallsFrozen(): Promise<string> {
  const copy = await Deno.makeTempDir({ prefix: "gitsrv-check-" });
  try {
    for (const name of ["package.json", "bun.lock"]) {
      await Deno.copyFile(ROOT + name, `${copy}/${name}`);
    }
    return await command(BUN, ["install", "--frozen-lockfile", "--cwd", copy]);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

const LOCKS = ["deno.lock", "bun.lock", "tools/deno.lock", "wasm/deno.lock"];

async function locksNameNoRegistry(): Promise<string> {
  const wrong: string[] = [];
  for (const name of LOCKS) {
    const text = await Deno.readTextFile(ROOT + name);
    const address = /https?:\/\/\S+/.exec(text);
    if (address !== null) wrong.push(`${name}: ${address[0]}`);
  }
  return wrong.join("\n");
}

async function versionsAgree(): Promise<string> {
  const denoJson = await readJson("deno.json");
  const packageJson = await readJson("package.json");
  return denoJson["version"] === packageJson["version"]
    ? ""
    : `deno.json: ${denoJson["version"]}, package.json: ${
      packageJson["version"]
    }`;
}

/** `imports` of deno.json against `paths` of tsconfig.json, which Bun reads. */
async function pathsAgree(): Promise<string> {
  const { imports } = await readJson("deno.json") as {
    imports: Record<string, string>;
  };
  const { compilerOptions } = await readJson("tsconfig.json") as {
    compilerOptions: { paths: Record<string, string[]> };
  };
  const { paths } = compilerOptions;
  return [...new Set([...Object.keys(imports), ...Object.keys(paths)])]
    .filter((name) => paths[name]?.join() !== imports[name])
    .map((name) => `${name}: ${imports[name]} and ${paths[name]?.join()}`)
    .join("\n");
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(ROOT + path));
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

async function main(): Promise<number> {
  const failed: string[] = [];
  for (const { name, run } of CHECKS) {
    say(`${name}: `);
    const wrong = await run();
    say(wrong === "" ? "ok\n" : `failed\n${wrong.trimEnd()}\n\n`);
    if (wrong !== "") failed.push(name);
  }
  if (failed.length === 0) return 0;
  say(`\nFailed: ${failed.join(", ")}\n`);
  return 1;
}

if (import.meta.main) Deno.exit(await main());
