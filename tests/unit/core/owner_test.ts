import assert from "node:assert/strict";
import { formatIdentity, parseIdentity } from "../../../src/core/owner.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const SELF = { machine: "m", boot: "b", pid: 17, start: "4711" };

describe("the identity of a process", () => {
  it("comes back as it was written, on one line", () => {
    const random = seeded(5);
    const text = () =>
      Array.from(
        { length: 1 + random.int(12) },
        () => String.fromCharCode(random.pick([10, 34, 92, 0, 0xe9, 0x61])),
      ).join("");
    for (let i = 0; i < 300; i++) {
      const identity = {
        machine: text(),
        boot: text(),
        pid: 1 + random.int(2 ** 31),
        start: random.int(3) === 0 ? "" : text(),
      };
      const line = formatIdentity(identity);
      assert.ok(!line.includes("\n"), line);
      assert.deepEqual(parseIdentity(line), identity);
      assert.deepEqual(parseIdentity(`${line}\n`), identity);
    }
  });

  it("is none where a record is torn or foreign: nobody is proved dead", () => {
    const line = formatIdentity(SELF);
    for (let end = 0; end < line.length; end++) {
      assert.equal(parseIdentity(line.slice(0, end)), undefined, `${end}`);
    }
    for (
      const other of [
        ...["null", "17", "{}", "[]", '["m","b",17]', '["m","b",17,"",""]'],
        ...['["","b",17,""]', '["m","",17,""]', '["m","b","17",""]'],
        ...['["m","b",0,""]', '["m","b",-1,""]', '["m","b",1.5,""]'],
        ...['["m","b",1e300,""]', '["m","b",null,""]', '["m","b",17,4711]'],
        ...["[[],[],17,[]]", "17 host", "[".repeat(10_000)],
      ]
    ) {
      assert.equal(parseIdentity(other), undefined, other.slice(0, 40));
    }
  });
});
