import assert from "node:assert/strict";
import { syslogInput } from "../../../src/runtime/syslog.ts";
import { describe, it } from "../../support/test.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("what the system's logger is given", () => {
  it("is one line with its priority where that is short", () => {
    assert.equal(
      text(syslogInput("error", "no <34>such")),
      "<27>no <34>such\n",
    );
    assert.equal(text(syslogInput("info", "")), "<30>\n");
  });

  it("has our priority in front of whatever logger takes for a message", () => {
    // util-linux, logger.c: logger_stdin reads on behind 1024 bytes.
    const line = "<34>é".repeat(1500);
    const lines = text(syslogInput("warn", line)).split("\n");
    assert.equal(lines.pop(), "");
    for (const each of lines) {
      assert.ok(each.startsWith("<28>"), each);
      assert.ok(new TextEncoder().encode(each).length <= 1024);
    }
    assert.equal(lines.map((each) => each.slice(4)).join(""), line);
  });
});
