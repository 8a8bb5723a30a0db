import assert from "node:assert/strict";
import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import {
  terminalLine,
  TerminalText,
} from "../../../src/service/receive_pack/terminal_text.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

function shown(...pieces: string[]): string {
  const text = new TerminalText();
  return [
    ...pieces.map((piece) => toBinary(text.push(fromBinary(piece)))),
    toBinary(text.end()),
  ].join("");
}

describe("what a hook writes is shown", () => {
  for (
    const [written, expected] of [
      ["plain\ttext\r\n", "plain\ttext\r\n"],
      ["\x1b]0;title\x07", "?]0;title?"],
      ["\x1b[2J\x1b[H", "?[2J?[H"],
      ["\x1b[1;31mred\x1b[m \x1b[38:5:1m", "\x1b[1;31mred\x1b[m \x1b[38:5:1m"],
      ["a\0b\x7f\b\x0b", "a?b???"],
      ["\xff\xc3(\x9b\xc3\xa9", "\xff\xc3(\x9b\xc3\xa9"],
      ["end\x1b", "end?"],
      ["end\x1b[3", "end?[3"],
      [`\x1b[${"1;".repeat(100)}m`, `?[${"1;".repeat(100)}m`],
    ] as const
  ) {
    it(`as ${JSON.stringify(expected)}`, () => {
      assert.equal(shown(written), expected);
    });
  }

  it("the same however it is cut into pieces", () => {
    const letters = [
      "\x1b",
      "[",
      "3",
      ";",
      "m",
      "m",
      "x",
      "\n",
      "\x07",
      "\xc3",
    ];
    for (let seed = 0; seed < 300; seed++) {
      const random = seeded(seed);
      const text = Array.from(
        { length: random.int(120) },
        () => random.pick(letters),
      ).join("");
      const pieces: string[] = [];
      for (let at = 0; at < text.length;) {
        const length = 1 + random.int(5);
        pieces.push(text.slice(at, at + length));
        at += length;
      }
      assert.equal(shown(...pieces), shown(text), `seed ${seed}`);
      assert.equal(shown(text).length, text.length, `seed ${seed}`);
    }
  });

  it("whole where the line is ours", () => {
    assert.equal(toBinary(terminalLine("no\x1b[")), "no?[\n");
  });
});
