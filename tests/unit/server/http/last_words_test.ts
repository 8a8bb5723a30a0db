import assert from "node:assert/strict";
import { fromBinary } from "../../../../src/core/bytes.ts";
import { saysWhy } from "../../../../src/server/http/last_words.ts";
import { describe, it } from "../../../support/test.ts";
import { pkt } from "../fakes.ts";

describe("the end of an answer", () => {
  it("says why where it is an error, or that and a flush", () => {
    for (
      const text of [
        pkt("ERR no"),
        pkt("\x03fatal: no"),
        pkt("\x02some") + pkt("\x03no"),
        pkt("\x03no") + "0000",
      ]
    ) assert.ok(saysWhy(fromBinary(text)), text);
  });

  it("says nothing where it is anything else", () => {
    for (
      const text of [
        "",
        "0000",
        pkt("NAK\n"),
        pkt("\x03no") + pkt("\x01PACK"),
        pkt("ERR no").slice(0, -1),
        "PACK" + pkt("ERR no"),
        "0003",
        "00",
        "ffffERR ",
      ]
    ) assert.ok(!saysWhy(fromBinary(text)), text);
  });
});
