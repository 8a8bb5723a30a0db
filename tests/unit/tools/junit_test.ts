/**
 * Counting tests in the reports of both runners, as they write them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { describe, it } from "../../support/test.ts";
import { countTestCases } from "../../../tools/junit.ts";

describe("countTestCases", () => {
  it("counts the tests of Deno's report, not the groups around them", () => {
    const xml = `<testsuite>
      <testcase name="group" line="58" col="3">
        <failure message="1 test step failed">1 test step failed.</failure>
      </testcase>
      <testcase name="group &gt; inner" line="1">
        <failure message="2 test steps failed">2 test steps failed.</failure>
      </testcase>
      <testcase name="group &gt; inner &gt; good">
      </testcase>
      <testcase name="group &gt; inner &gt; bad">
        <failure message="Uncaught Error: no">Error: no</failure>
      </testcase>
      <testcase name="left out"><skipped/></testcase>
    </testsuite>`;
    const expected = { passed: 1, failed: 1, skipped: 1 };
    assert.deepEqual(countTestCases(xml), expected);
  });

  it("counts a group whose hook failed, with tests in it or not", () => {
    const xml = `<testcase name="empty"><failure message="Uncaught Error: a">
      </failure></testcase>
      <testcase name="full"><failure message="Uncaught Error: b">
      </failure></testcase>
      <testcase name="full &gt; good"></testcase>`;
    const expected = { passed: 1, failed: 2, skipped: 0 };
    assert.deepEqual(countTestCases(xml), expected);
  });

  it("counts the tests of Bun's report", () => {
    const xml = `<testsuite name="a_test.ts" tests="3" failures="1">
      <testsuite name="group" tests="2">
        <testcase name="a &gt; b" classname="group" file="tests/a_test.ts" />
        <testcase name="a" classname="group">
          <failure type="Error" message="no&#10;way">Error</failure>
        </testcase>
      </testsuite>
      <testcase name="later" classname=""><skipped /></testcase>
    </testsuite>`;
    const expected = { passed: 1, failed: 1, skipped: 1 };
    assert.deepEqual(countTestCases(xml), expected);
  });

  it("counts nothing in an empty report", () => {
    const expected = { passed: 0, failed: 0, skipped: 0 };
    assert.deepEqual(countTestCases(""), expected);
  });
});
