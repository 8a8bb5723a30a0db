import assert from "node:assert/strict";
import type { Oid } from "../../../src/core/oid.ts";
import { parseCapabilities } from "../../../src/wire/capabilities.ts";
import {
  type AckMode,
  ackMode,
  Acknowledger,
  acknowledgments,
} from "../../../src/wire/negotiation.ts";
import { describe, it } from "../../support/test.ts";

/**
 * A script of a negotiation: `+a` is a have that is here, `-a` one that is
 * not, `.` a flush, `!` is done; `?` makes the rest ready to be sent.
 */
function play(
  mode: AckMode,
  script: string,
  options: { readonly noDone?: boolean } = {},
): string[] {
  const answers = new Acknowledger(mode, options);
  let common = 0;
  let isReady = false;
  const state = {
    get common() {
      return common;
    },
    ready: () => isReady,
  };
  const said: string[] = [];
  for (const step of script.split(" ")) {
    const oid = step.slice(1) as Oid;
    if (step === "?") isReady = true;
    else if (step === ".") {
      said.push(...answers.flush(state), answers.ended ? "end" : "|");
    } else if (step === "!") said.push(...answers.done(state));
    else if (step.startsWith("-")) {
      said.push(...answers.haveUnknown(oid, state));
    } else {
      common++;
      said.push(...answers.have(oid, state));
    }
  }
  return said;
}

describe("Acknowledger without capabilities", () => {
  it("acknowledges the first common object alone", () => {
    assert.deepEqual(play("single", "-x . +a +b . +c . !"), [
      "NAK",
      "|",
      "ACK a",
      "|",
      "|",
    ]);
  });

  it("says NAK where nothing is common", () => {
    assert.deepEqual(play("single", "-x !"), ["NAK"]);
    assert.deepEqual(play("single", "-x . -y . !"), [
      "NAK",
      "|",
      "NAK",
      "|",
      "NAK",
    ]);
  });

  it("never speaks of being ready", () => {
    assert.deepEqual(play("single", "+a ? -x . !"), ["ACK a", "|"]);
  });
});

describe("Acknowledger with multi_ack", () => {
  it("continues at each common object", () => {
    assert.deepEqual(play("multi", "+a -x +b . !"), [
      "ACK a continue",
      "ACK b continue",
      "NAK",
      "|",
      "ACK b",
    ]);
  });

  it("acknowledges unknown objects once it is ready", () => {
    assert.deepEqual(play("multi", "+a -x ? -y . !"), [
      "ACK a continue",
      "ACK y continue",
      "NAK",
      "|",
      "ACK a",
    ]);
  });

  it("says NAK where nothing is common", () => {
    assert.deepEqual(play("multi", "-x . !"), ["NAK", "|", "NAK"]);
  });
});

describe("Acknowledger with multi_ack_detailed", () => {
  it("tells common objects", () => {
    assert.deepEqual(play("multi-detailed", "+a -x +b . !"), [
      "ACK a common",
      "ACK b common",
      "NAK",
      "|",
      "ACK b",
    ]);
  });

  it("is ready at an unknown object", () => {
    assert.deepEqual(play("multi-detailed", "+a ? -x . !"), [
      "ACK a common",
      "ACK x ready",
      "NAK",
      "|",
      "ACK a",
    ]);
  });

  it("is ready at a flush where all of the round was common", () => {
    assert.deepEqual(play("multi-detailed", "? +a . !"), [
      "ACK a common",
      "ACK a ready",
      "NAK",
      "|",
      "ACK a",
    ]);
    assert.deepEqual(play("multi-detailed", "+a . ? . !"), [
      "ACK a common",
      "NAK",
      "|",
      "NAK",
      "|",
      "ACK a",
    ]);
  });
});

describe("Acknowledger with no-done", () => {
  const noDone = true;

  it("ends with the flush of a round in which it was ready", () => {
    assert.deepEqual(play("multi-detailed", "+a . ? +b .", { noDone }), [
      "ACK a common",
      "NAK",
      "|",
      "ACK b common",
      "ACK b ready",
      "NAK",
      "ACK b",
      "end",
    ]);
    assert.deepEqual(play("multi-detailed", "+a ? -x +b .", { noDone }), [
      "ACK a common",
      "ACK x ready",
      "ACK b common",
      "NAK",
      "ACK b",
      "end",
    ]);
  });

  it("waits for done without multi_ack_detailed", () => {
    assert.deepEqual(play("multi", "? +a -x . !", { noDone }), [
      "ACK a continue",
      "ACK x continue",
      "NAK",
      "|",
      "ACK a",
    ]);
  });
});

describe("ackMode", () => {
  it("takes the most detailed mode", () => {
    const mode = (text: string) => ackMode(parseCapabilities(text));
    assert.equal(mode(""), "single");
    assert.equal(mode(" multi_ack"), "multi");
    assert.equal(mode(" multi_ack multi_ack_detailed"), "multi-detailed");
    assert.equal(mode(" multi_ack_detailed"), "multi-detailed");
  });
});

describe("acknowledgments of v2", () => {
  it("has a NAK only where nothing is common", () => {
    assert.deepEqual(acknowledgments([], { ready: false }), [
      "acknowledgments",
      "NAK",
    ]);
    assert.deepEqual(acknowledgments(["a" as Oid], { ready: true }), [
      "acknowledgments",
      "ACK a",
      "ready",
    ]);
  });
});
