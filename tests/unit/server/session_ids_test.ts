import assert from "node:assert/strict";
import { SessionIds, termsOfSession } from "../../../src/server/session_ids.ts";
import { GIT_TERMS } from "../../../src/service/types.ts";
import { configView } from "../../../src/storage/files/config.ts";
import { describe, it } from "../../support/test.ts";

const TOLD = configView([["transfer.advertisesid", "true"]]);
const TIME = Date.UTC(2026, 0, 2, 3, 4, 5) + 678.9;

describe("ids of sessions", () => {
  const ids = (now: () => number): SessionIds =>
    new SessionIds({
      clock: { now },
      pid: 0x1234,
      machine: () => 0xfedcba98,
    });

  it("have the form of git's trace2", () => {
    assert.equal(
      ids(() => TIME).next(),
      "20260102T030405.678900Z-Hfedcba98-P00001234",
    );
  });

  it("differ where the clock stands or goes back", () => {
    let now = TIME;
    const source = ids(() => now -= 1000);
    const all = Array.from({ length: 50 }, () => source.next());
    assert.deepEqual(all, [...new Set(all)].sort());
    assert.match(all.at(-1) ?? "", /^20260102T030404\.678949Z-H/);
  });

  it("are given to sessions that have none", () => {
    const sessionIds = ids(() => TIME);
    const given = termsOfSession({ terms: GIT_TERMS, sessionIds }, TOLD);
    assert.match(given.sessionId, /^2026/);
    const terms = { ...GIT_TERMS, sessionId: "mine" };
    assert.equal(termsOfSession({ terms, sessionIds }, TOLD), terms);
    assert.equal(termsOfSession({ terms: GIT_TERMS }, TOLD), GIT_TERMS);
  });

  it("are not made where the repository has none told", () => {
    const sessionIds = ids(() => TIME);
    const config = configView([]);
    assert.equal(
      termsOfSession({ terms: GIT_TERMS, sessionIds }, config),
      GIT_TERMS,
    );
  });
});
