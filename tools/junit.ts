/**
 * Counts test cases in the JUnit XML that `deno test` and `bun test` write.
 * Not an XML parser: it knows the elements of those two reports.
 *
 * Bun lists tests only. Deno lists groups beside the tests in them, as `group`
 * and `group > test`; a group counts only if it failed by itself, in a hook for
 * instance.
 *
 * @module
 */

/** How many tests there were of each kind. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface TestCase {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Failed because a test in it did, in Deno's words. */
  readonly byItsTests: boolean;
}

/** Counts the tests of one report. */
export function countTestCases(xml: string): Counts {
  const cases = [...testCases(xml)];
  const groups = new Set<string>();
  for (const { name } of cases) {
    for (let at = name.lastIndexOf(SEPARATOR); at > 0;) {
      groups.add(name.slice(0, at));
      at = name.lastIndexOf(SEPARATOR, at - 1);
    }
  }
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, outcome, byItsTests } of cases) {
    if (groups.has(name) && (outcome !== "failed" || byItsTests)) continue;
    counts[outcome]++;
  }
  return counts;
}

/** ` > ` as it stands in an attribute. */
const SEPARATOR = " &gt; ";

function* testCases(xml: string): Generator<TestCase> {
  const element =
    /<testcase\b[^>]*?\bname="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;
  for (const [, name = "", body = ""] of xml.matchAll(element)) {
    const failure = /<(?:failure|error)\b(?:[^>]*?\bmessage="([^"]*)")?/
      .exec(body);
    yield {
      name,
      outcome: failure !== null
        ? "failed"
        : /<skipped\b/.test(body)
        ? "skipped"
        : "passed",
      byItsTests: /^\d+ test steps? failed$/.test(failure?.[1] ?? ""),
    };
  }
}
