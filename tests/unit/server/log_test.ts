import assert from "node:assert/strict";
import {
  textLogger,
  withFields,
  withoutRepeats,
} from "../../../src/server/log.ts";
import { test } from "../../support/test.ts";

function lines(mode: "verbose" | "quiet") {
  const written: string[] = [];
  const write = (line: string) => void written.push(line);
  return {
    written,
    logger: textLogger({ pid: 77, verbose: mode === "verbose", write }),
  };
}

test("log lines carry the process id, or the session's number", () => {
  const { written, logger } = lines("verbose");
  logger.log("info", "Ready to rumble");
  withFields(logger, { session: 3 }).log("info", "Request");
  assert.deepEqual(written, ["[77] Ready to rumble\n", "[3] Request\n"]);
});

test("only errors and warnings are logged unless verbose", () => {
  const { written, logger } = lines("quiet");
  logger.log("info", "hidden");
  logger.log("debug", "hidden");
  logger.log("warn", "seen");
  logger.log("error", "seen");
  assert.equal(written.length, 2);
});

test("bytes from outside cannot break a log line", () => {
  const { written, logger } = lines("verbose");
  logger.log("info", "for '/a\n[1] \x1b[31mroot\x00\xff'", { why: 'a "b"\n' });
  assert.deepEqual(written, [
    `[77] for '/a\\x0a[1] \\x1b[31mroot\\x00\\xff' why="a \\"b\\"\\n"\n`,
  ]);
});

test("a log line has a bounded length", () => {
  const { written, logger } = lines("verbose");
  logger.log("error", "x".repeat(100_000));
  assert.ok((written[0] ?? "").length < 5000);
});

test("a warning about a repository is logged once, whoever gives it", () => {
  const { written, logger } = lines("quiet");
  const once = withoutRepeats(logger);
  for (let i = 0; i < 3; i++) {
    once.log("warn", "stale", { repository: "/a" });
    once.log("warn", "stale", { repository: "/b" });
    once.log("warn", "stale", { repository: "/a", path: "x" });
  }
  assert.equal(written.length, 3, written.join(""));
  once.log("error", "failed", { repository: "/a" });
  once.log("error", "failed", { repository: "/a" });
  once.log("warn", "slow client");
  once.log("warn", "slow client");
  assert.equal(written.length, 7, written.join(""));
});

test("warnings are remembered up to a bound", () => {
  const { written, logger } = lines("quiet");
  const once = withoutRepeats(logger);
  const tell = (i: number) => once.log("warn", `${i}`, { repository: "/a" });
  for (let i = 0; i < 1500; i++) tell(i);
  tell(1499);
  assert.equal(written.length, 1500);
  tell(0);
  assert.equal(written.length, 1501);
});
