import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { toBinary } from "../../../../src/core/bytes.ts";
import { HttpError } from "../../../../src/server/http/http_error.ts";
import {
  type BodyLimits,
  RequestBody,
} from "../../../../src/server/http/request_body.ts";
import { describe, it } from "../../../support/test.ts";

const WIDE: BodyLimits = { raw: Infinity, decoded: Infinity };
const TEXT = "0032want something\n".repeat(20);

function bytesOf(...parts: (string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))),
  );
}

function request(
  body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
  headers: Record<string, string> = {},
): Request {
  return new Request("http://localhost/", {
    method: "POST",
    headers,
    body,
    ...{ duplex: "half" },
  });
}

/** Pieces of `size` bytes. */
function pieces(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += size));
    },
  });
}

async function content(body: RequestBody): Promise<string> {
  let text = "";
  const into = new Uint8Array(100);
  for (;;) {
    const count = await body.read(into);
    if (count === 0) return text;
    text += toBinary(into.subarray(0, count));
  }
}

async function refusal(
  given: Request,
  limits: BodyLimits = WIDE,
): Promise<{ status: number; read: number }> {
  let read = 0;
  try {
    const body = new RequestBody(given, limits);
    const into = new Uint8Array(64 * 1024);
    for (let count = -1; count !== 0; read += count) {
      count = await body.read(into);
    }
  } catch (error) {
    if (error instanceof HttpError) return { status: error.status, read };
    throw error;
  }
  return { status: 200, read };
}

describe("a request's body", () => {
  it("is read as it is, and out of gzip", async () => {
    for (const coding of ["", "identity", "gzip", "x-gzip", " GZIP "]) {
      const isCoded = /gzip/i.test(coding);
      const sent = isCoded ? bytesOf(gzipSync(TEXT)) : bytesOf(TEXT);
      for (const size of [1, 7, 10_000]) {
        const given = request(
          pieces(sent, size),
          coding === "" ? {} : { "content-encoding": coding },
        );
        const text = await content(new RequestBody(given, WIDE));
        assert.equal(text, TEXT, `${coding} in pieces of ${size}`);
      }
    }
  });

  it("in another coding is refused by 415", async () => {
    for (const coding of ["deflate", "br", "gzip, gzip", "identity; x", "?"]) {
      const given = request(bytesOf(TEXT), { "content-encoding": coding });
      assert.equal((await refusal(given)).status, 415, coding);
    }
  });

  it("that is not one whole gzip member is refused before it is used", async () => {
    const whole = gzipSync(TEXT);
    const broken = bytesOf(whole);
    broken[broken.length - 6] = (broken[broken.length - 6] ?? 0) ^ 1;
    for (
      const [what, sent] of Object.entries({
        empty: bytesOf(),
        garbage: bytesOf(TEXT),
        truncated: bytesOf(whole.subarray(0, -9)),
        "without its last byte": bytesOf(whole.subarray(0, -1)),
        "with a wrong checksum": broken,
        "two members": bytesOf(whole, whole),
        "with bytes behind it": bytesOf(whole, "0000"),
        "with zeros behind it": bytesOf(whole, new Uint8Array(8)),
      })
    ) {
      for (const size of [1, whole.length, 10_000]) {
        const given = request(pieces(sent, size), {
          "content-encoding": "gzip",
        });
        assert.deepEqual(
          await refusal(given),
          { status: 400, read: 0 },
          `${what}, in pieces of ${size}`,
        );
      }
    }
  });

  it("that says or is more than the limit is refused by 413", async () => {
    const limits = { raw: 100, decoded: 200 };
    const told = request(bytesOf("a".repeat(100)), { "content-length": "101" });
    assert.deepEqual(await refusal(told, limits), { status: 413, read: 0 });
    const untold = request(pieces(bytesOf("a".repeat(101)), 10));
    assert.equal((await refusal(untold, limits)).status, 413);
    const most = request(pieces(bytesOf("a".repeat(100)), 10));
    assert.deepEqual(await refusal(most, limits), { status: 200, read: 100 });
    const coded = request(bytesOf(gzipSync("a".repeat(201))), {
      "content-encoding": "gzip",
    });
    assert.equal((await refusal(coded, limits)).status, 413);
  });

  it("that is a bomb is refused long before its end", async () => {
    const bomb = bytesOf(gzipSync(new Uint8Array(200 * 1024 * 1024)));
    assert.ok(bomb.length < 256 * 1024);
    const given = request(bomb, { "content-encoding": "gzip" });
    const { status, read } = await refusal(given);
    assert.equal(status, 413);
    assert.ok(read <= 24 * 1024 * 1024, `${read} bytes were made of it`);
  });
});
