import assert from "node:assert/strict";
import { isForeign } from "../../../../src/server/http/foreign.ts";
import { describe, it } from "../../../support/test.ts";

function judged(
  origin: string | undefined,
  allowed: readonly string[] = [],
): boolean {
  return isForeign({
    url: "http://git.example:8080/a.git/git-upload-pack",
    headers: new Headers(origin === undefined ? {} : { origin }),
  }, allowed);
}

describe("a request", () => {
  it("that names no origin, or ours, is not foreign", () => {
    assert.ok(!judged(undefined));
    assert.ok(!judged("http://git.example:8080"));
    assert.ok(!judged("https://git.example:8080"));
  });

  it("that names another is, unless it is allowed", () => {
    for (
      const origin of [
        "http://evil.example",
        "http://git.example",
        "http://git.example:8081",
        "http://git.example:8080.evil.example",
        "null",
        "",
        "git.example:8080",
        "http://git.example:8080, http://evil.example",
      ]
    ) assert.ok(judged(origin), origin);
    assert.ok(!judged("https://a.example", ["https://a.example"]));
    assert.ok(judged("https://b.example", ["https://a.example"]));
    assert.ok(!judged("null", ["*"]));
  });
});
