import assert from "node:assert/strict";
import { fromBinary } from "../../../src/core/bytes.ts";
import { SHA1, SHA256 } from "../../../src/core/oid.ts";
import type { Packet } from "../../../src/pktline/packet.ts";
import { V2RequestHead, type V2Step } from "../../../src/wire/v2_request.ts";
import { describe, it } from "../../support/test.ts";

const NAMES = {
  commands: new Set(["ls-refs", "fetch"]),
  capabilities: new Set(["agent", "server-option", "object-format"]),
};

function packet(text: string): Packet {
  if (text === "0000") return { type: "flush" };
  if (text === "0001") return { type: "delim" };
  if (text === "0002") return { type: "response-end" };
  return { type: "data", payload: fromBinary(text) };
}

function take(...texts: string[]): V2Step {
  const head = new V2RequestHead(NAMES);
  let step: V2Step = { type: "more" };
  for (const text of texts) {
    assert.equal(step.type, "more");
    step = head.take(packet(text));
  }
  return step;
}

describe("V2RequestHead", () => {
  it("takes a command without arguments", () => {
    assert.deepEqual(take("command=ls-refs\n", "0000"), {
      type: "request",
      request: {
        command: "ls-refs",
        format: SHA1,
        serverOptions: [],
        hasArguments: false,
      },
    });
  });

  it("takes capabilities in any order, and arguments", () => {
    const step = take(
      "agent=git/2\n",
      "server-option=a=b",
      "object-format=sha256",
      "command=fetch",
      "server-option=c",
      "0001",
    );
    assert.deepEqual(step, {
      type: "request",
      request: {
        command: "fetch",
        format: SHA256,
        serverOptions: ["a=b", "c"],
        hasArguments: true,
      },
    });
  });

  it("keeps the session's id, and some server options of many", () => {
    const head = new V2RequestHead({
      commands: NAMES.commands,
      capabilities: new Set([...NAMES.capabilities, "session-id"]),
    });
    for (let n = 0; n < 1000; n++) head.take(packet(`server-option=${n}`));
    head.take(packet("session-id=a\x1bb"));
    head.take(packet("command=fetch"));
    const step = head.take({ type: "flush" });
    assert.ok(step.type === "request");
    assert.equal(step.request.sessionId, "a\x1bb");
    assert.deepEqual(
      step.request.serverOptions,
      Array.from({ length: 16 }, (_, n) => String(n)),
    );
  });

  it("goes on with the object format of the request before", () => {
    const head = new V2RequestHead(NAMES, SHA256);
    head.take(packet("command=fetch"));
    const step = head.take({ type: "flush" });
    assert.ok(step.type === "request");
    assert.equal(step.request.format, SHA256);
  });

  it("takes a lone flush for the end", () => {
    assert.deepEqual(take("0000"), { type: "closing" });
  });

  it("knows whether something was taken", () => {
    const head = new V2RequestHead(NAMES);
    assert.ok(head.empty);
    head.take(packet("agent=x"));
    assert.ok(!head.empty);
  });

  const bad: readonly (readonly [readonly string[], string])[] = [
    [["command=frob"], "invalid command 'frob'"],
    [["command="], "invalid command ''"],
    [["command=fetch=x"], "invalid command 'fetch=x'"],
    [
      ["command=fetch", "command=ls-refs"],
      "command 'ls-refs' requested after already requesting command 'fetch'",
    ],
    [["fetch"], "unknown capability 'fetch'"],
    [["session-id=x"], "unknown capability 'session-id=x'"],
    [["agen"], "unknown capability 'agen'"],
    [["agents=x"], "unknown capability 'agents=x'"],
    [[""], "unknown capability ''"],
    [["x\x1b"], "unknown capability 'x\\x1b'"],
    [["object-format"], "object-format capability requires an argument"],
    [["object-format=md5"], "unknown object format 'md5'"],
    [["object-format=toString"], "unknown object format 'toString'"],
    [["agent=x", "0000"], "no command requested"],
    [["0001"], "no command requested"],
    [["0002"], "unexpected response end packet"],
    [["ERR gone"], "remote error: gone"],
  ];
  for (const [texts, message] of bad) {
    it(`refuses ${JSON.stringify(texts)}`, () => {
      assert.throws(() => take(...texts), { name: "ProtocolError", message });
    });
  }
});
