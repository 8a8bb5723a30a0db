/**
 * The stand-ins for `@std/streams`, on both runtimes.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  Buffer,
  concatReadableStreams,
  DelimiterStream,
  type DelimiterStreamOptions,
  LimitedBytesTransformStream,
  mergeReadableStreams,
  TextLineStream,
  type TextLineStreamOptions,
  toArrayBuffer,
  toBlob,
  toBytes,
  toJson,
  toText,
  zipReadableStreams,
} from "../../../src/std/streams.ts";
import { describe, it } from "../../support/test.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const of = <T>(...chunks: T[]) => ReadableStream.from(chunks);

/** The whole of `all` in pieces of `size`, as a stream. */
function inPieces<T extends string | Uint8Array<ArrayBuffer>>(
  all: T,
  size: number,
): ReadableStream<T> {
  const pieces: T[] = [];
  for (let at = 0; at < all.length; at += size) {
    pieces.push(all.slice(at, at + size) as T);
  }
  return ReadableStream.from(pieces);
}

/** A stream that never ends and remembers why it was cancelled. */
function endless(): { stream: ReadableStream<string>; reasons: unknown[] } {
  const reasons: unknown[] = [];
  const stream = new ReadableStream<string>({
    pull: (controller) => controller.enqueue("x"),
    cancel: (reason) => void reasons.push(reason),
  });
  return { stream, reasons };
}

/** A stream that waits for ever and remembers why it was cancelled. */
function silent(): { stream: ReadableStream<string>; reasons: unknown[] } {
  const reasons: unknown[] = [];
  const stream = new ReadableStream<string>({
    pull: () => new Promise(() => {}),
    cancel: (reason) => void reasons.push(reason),
  });
  return { stream, reasons };
}

function failing(message: string): ReadableStream<string> {
  return new ReadableStream({
    pull: () => Promise.reject(new Error(message)),
  });
}

describe("a whole stream as one value", () => {
  it("joins bytes into an array, a buffer and a blob", async () => {
    const body = () => of(encode("ab"), new Uint8Array(0), encode("c"));
    assert.deepEqual(await toBytes(body()), encode("abc"));
    assert.deepEqual(await toArrayBuffer(body()), encode("abc").buffer);
    const blob = await toBlob(body());
    assert.equal(await blob.text(), "abc");
  });

  it("reads a character that two chunks share", async () => {
    const bytes = encode("é");
    const stream = of(bytes.slice(0, 1), bytes.slice(1));
    assert.equal(await toText(stream), "é");
  });

  it("reads strings, and bytes that end inside a character", async () => {
    assert.equal(await toText(of("a", "b")), "ab");
    assert.equal(await toText(of(Uint8Array.of(0x61, 0xc3))), "a\ufffd");
  });

  it("parses JSON and throws for what is none", async () => {
    assert.deepEqual(await toJson(of('{"a":', "1}")), { a: 1 });
    await assert.rejects(toJson(of("{")), SyntaxError);
  });
});

describe("several streams as one", () => {
  it("concatReadableStreams keeps the order", async () => {
    const all = concatReadableStreams(of(1, 2), of<number>(), of(3));
    assert.deepEqual(await Array.fromAsync(all), [1, 2, 3]);
  });

  it("concatReadableStreams of nothing is empty", async () => {
    assert.deepEqual(await Array.fromAsync(concatReadableStreams()), []);
  });

  it("mergeReadableStreams gives every chunk once", async () => {
    const all = await Array.fromAsync(
      mergeReadableStreams(of("a1", "a2"), of("b1"), of<string>()),
    );
    assert.deepEqual(all.toSorted(), ["a1", "a2", "b1"]);
    assert.ok(all.indexOf("a1") < all.indexOf("a2"));
  });

  it("mergeReadableStreams does not wait for a silent stream", async () => {
    const waiting = silent();
    const reader = mergeReadableStreams(waiting.stream, of("a")).getReader();
    assert.equal((await reader.read()).value, "a");
    await reader.cancel("enough");
    assert.deepEqual(waiting.reasons, ["enough"]);
  });

  it("mergeReadableStreams starves none behind one always ready", async () => {
    const busy = endless();
    const merged = mergeReadableStreams(busy.stream, of("a", "b"));
    const seen = new Set<string>();
    let reads = 0;
    for await (const chunk of merged) {
      seen.add(chunk);
      if (seen.size === 3 || ++reads > 100) break;
    }
    assert.deepEqual(seen, new Set(["a", "b", "x"]));
  });

  it("zipReadableStreams takes turns and drops streams that ended", async () => {
    const all = zipReadableStreams(of("a1", "a2", "a3"), of("b1"));
    assert.deepEqual(await Array.fromAsync(all), ["a1", "b1", "a2", "a3"]);
  });

  const combine = {
    concatReadableStreams,
    mergeReadableStreams,
    zipReadableStreams,
  };
  for (const [name, join] of Object.entries(combine)) {
    it(`${name} cancels every stream when its reader leaves`, async () => {
      const first = endless();
      const second = endless();
      for await (const _ of join(first.stream, second.stream)) break;
      assert.equal(first.reasons.length, 1);
      assert.equal(second.reasons.length, 1);
    });

    it(`${name} fails with a stream and cancels the others`, async () => {
      const other = silent();
      const all = join(failing("broken"), other.stream);
      await assert.rejects(Array.fromAsync(all), /broken/);
      assert.equal(other.reasons.length, 1);
    });
  }
});

describe("DelimiterStream", () => {
  const cases: [string, string, DelimiterStreamOptions, string[]][] = [
    ["a,b,,c", ",", {}, ["a", "b", "", "c"]],
    ["a,b,", ",", {}, ["a", "b"]],
    ["a,b,", ",", { disposition: "suffix" }, ["a,", "b,"]],
    ["a,b,", ",", { disposition: "prefix" }, ["a", ",b", ","]],
    ["xabababcy", "ababc", {}, ["xab", "y"]],
    ["aaaa", "aa", {}, ["", ""]],
    ["", ",", {}, []],
  ];
  for (const [text, delimiter, options, expected] of cases) {
    const how = options.disposition ?? "discard";
    it(`cuts "${text}" at "${delimiter}" (${how}), however split`, async () => {
      for (let size = 1; size <= text.length + 1; size++) {
        const pieces = inPieces(encode(text), size)
          .pipeThrough(new DelimiterStream(encode(delimiter), options));
        const found = (await Array.fromAsync(pieces)).map(decode);
        assert.deepEqual(found, expected, `in chunks of ${size}`);
      }
    });
  }

  it("refuses an empty delimiter", () => {
    assert.throws(() => new DelimiterStream(new Uint8Array(0)), RangeError);
  });
});

describe("TextLineStream", () => {
  const cases: [string, TextLineStreamOptions, string[]][] = [
    ["a\nb\r\n\nc", {}, ["a", "b", "", "c"]],
    ["a\rb\r\r\nc\r", {}, ["a\rb\r", "c\r"]],
    ["a\rb\r\r\nc\r", { allowCR: true }, ["a", "b", "", "c"]],
    ["\n", {}, [""]],
    ["", {}, []],
  ];
  for (const [text, options, expected] of cases) {
    it(`cuts ${JSON.stringify([text, options])}, however split`, async () => {
      for (let size = 1; size <= text.length + 1; size++) {
        const lines = inPieces(text, size)
          .pipeThrough(new TextLineStream(options));
        assert.deepEqual(
          await Array.fromAsync(lines),
          expected,
          `in chunks of ${size}`,
        );
      }
    });
  }
});

describe("LimitedBytesTransformStream", () => {
  const body = () => of(encode("abc"), encode("de"), encode("f"));

  it("passes exactly its size", async () => {
    const limited = body().pipeThrough(
      new LimitedBytesTransformStream(6, { error: true }),
    );
    assert.equal(await toText(limited), "abcdef");
  });

  it("ends before the chunk that exceeds it", async () => {
    const limited = body().pipeThrough(new LimitedBytesTransformStream(4));
    assert.equal(await toText(limited), "abc");
  });

  it("fails at that chunk when told so", async () => {
    const limited = body().pipeThrough(
      new LimitedBytesTransformStream(4, { error: true }),
    );
    await assert.rejects(toText(limited), RangeError);
  });
});

describe("Buffer", () => {
  it("gives out what was written, once", async () => {
    const buffer = new Buffer();
    const writer = buffer.writable.getWriter();
    await writer.write(encode("hello "));
    await writer.write(encode("world"));
    assert.equal(buffer.length, 11);
    assert.equal(await toText(buffer.readable), "hello world");
    assert.ok(buffer.empty());
  });

  it("starts with the bytes it was given", () => {
    const buffer = new Buffer(encode("abc").buffer);
    assert.equal(decode(buffer.bytes()), "abc");
    assert.equal(buffer.capacity, 3);
  });

  it("grows without losing bytes, and copies each a few times only", async () => {
    const buffer = new Buffer();
    const writer = buffer.writable.getWriter();
    let moves = 0;
    for (let i = 0; i < 5000; i++) {
      const capacity = buffer.capacity;
      await writer.write(Uint8Array.of(i & 255));
      if (buffer.capacity !== capacity) moves++;
    }
    const bytes = buffer.bytes({ copy: false });
    assert.ok(bytes.every((byte, i) => byte === (i & 255)));
    assert.equal(bytes.length, 5000);
    assert.ok(moves <= 16, `${moves} moves`);
  });

  it("copies its bytes unless a view is asked for", () => {
    const buffer = new Buffer(encode("abc").buffer);
    buffer.bytes()[0] = 0x7a;
    assert.equal(decode(buffer.bytes()), "abc");
    (buffer.bytes({ copy: false }))[0] = 0x7a;
    assert.equal(decode(buffer.bytes()), "zbc");
  });

  it("truncates to its front and refuses more than it has", () => {
    const buffer = new Buffer(encode("abc").buffer);
    assert.throws(() => buffer.truncate(4), RangeError);
    buffer.truncate(1);
    assert.equal(decode(buffer.bytes()), "a");
    buffer.reset();
    assert.equal(buffer.length, 0);
    assert.throws(() => buffer.grow(-1), RangeError);
  });
});
