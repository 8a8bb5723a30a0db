/**
 * The whole test suite in one command: all tests on Deno, the examples in the
 * documentation, all tests on Bun; then one line with the sum of the three.
 * `deno task test tests/unit/std` runs the tests below some paths alone.
 *
 * Both runners take as many files at a time as there are cores: no file knows
 * of another, and each serves on ports of its own.
 *
 * It counts what the runners report as JUnit XML, since their own last lines
 * differ, and counts a runner that fails for any other reason as one failure.
 *
 * @module
 */

import { type Counts, countTestCases } from "./junit.ts";

/** No suite takes this long: what still runs then waits for ever. */
const LIMIT_MS = 45 * 60_000;

const ROOT = new URL("../", import.meta.url).pathname;
const BUN = `${ROOT}tools/node_modules/.bin/bun`;

interface Runner {
  readonly name: string;
  readonly program: string;
  /** The arguments, given where the report goes. */
  readonly args: (report: string) => readonly string[];
}

function runners(paths: readonly string[]): readonly Runner[] {
  const chosen = paths.length === 0 ? ["./tests"] : paths.map(asPath);
  const deno = Deno.execPath();
  const examples: Runner = {
    name: "Examples in the documentation",
    program: deno,
    args: (report) => [
      ...["test", "-A", "--doc", "--permit-no-files"],
      ...[`--junit-path=${report}`, "./mod.ts", "./src"],
    ],
  };
  return [
    {
      name: "Deno",
      program: deno,
      // Types are the business of the examples' run and of the check task.
      args: (report) => [
        ...["test", "-A", "--no-check", "--parallel"],
        `--junit-path=${report}`,
        ...chosen,
      ],
    },
    ...(paths.length === 0 ? [examples] : []),
    {
      name: "Bun",
      program: BUN,
      args: (report) => [
        ...["test", "--parallel", "--reporter=junit"],
        `--reporter-outfile=${report}`,
        ...chosen,
      ],
    },
  ];
}

/** Without a dot in front, Bun takes a path for a part of a file name. */
function asPath(path: string): string {
  return /^[./]/.test(path) ? path : `./${path}`;
}

async function run(runner: Runner, report: string): Promise<Counts> {
  say(`\n# ${runner.name}\n\n`);
  const child = new Deno.Command(runner.program, {
    args: [...runner.args(report)],
    cwd: ROOT,
    // Tests start servers on both runtimes, whichever of them runs the test.
    env: { GITSRV_TEST_DENO: Deno.execPath(), GITSRV_TEST_BUN: BUN },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  const timer = setTimeout(() => {
    say(`\n${runner.name}: stopped after ${LIMIT_MS / 60_000} minutes\n`);
    child.kill("SIGKILL");
  }, LIMIT_MS);
  const { success } = await child.status;
  clearTimeout(timer);
  const counts = await readReport(report);
  if (success || counts.failed > 0) return counts;
  say(`\n${runner.name}: failed outside of a test\n`);
  return { ...counts, failed: 1 };
}

async function readReport(path: string): Promise<Counts> {
  try {
    return countTestCases(await Deno.readTextFile(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

async function main(paths: readonly string[]): Promise<number> {
  const reports = await Deno.makeTempDir({ prefix: "gitsrv-test-" });
  const total = { passed: 0, failed: 0 };
  const lines: string[] = [];
  try {
    for (const [index, runner] of runners(paths).entries()) {
      const counts = await run(runner, `${reports}/${index}.xml`);
      total.passed += counts.passed;
      total.failed += counts.failed;
      lines.push(
        `${runner.name}: ${counts.passed} passed, ${counts.failed} failed` +
          (counts.skipped > 0 ? `, ${counts.skipped} skipped` : ""),
      );
    }
  } finally {
    await Deno.remove(reports, { recursive: true });
  }
  say(`\n${lines.join("\n")}\n`);
  say(`${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
