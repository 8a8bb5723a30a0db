/**
 * Requests that no client should send, and what becomes of each: the answers
 * of the runtimes themselves, as they were observed, and those that our code
 * chooses, which are the same on both.
 *
 * @module
 */

/**
 * What is seen: statuses in order, then "closed" where the server closes the
 * connection; alternatives with "|", where it depends on who is quicker. ""
 * is silence, until the client's time is up.
 */
export type Outcome = string;

/** One bad request. */
export interface HostileRequest {
  /** For titles and the table. */
  readonly name: string;
  /** A byte for each character. */
  readonly text: string;
  /** Whether our end is closed behind it. */
  readonly isEnded?: true;
  /** What becomes of it; by runtime where they differ. */
  readonly outcome: Outcome | { readonly deno: Outcome; readonly bun: Outcome };
}

const POST = "POST /a.git/git-upload-pack HTTP/1.1\r\nHost: h\r\n" +
  "Content-Type: application/x-git-upload-pack-request\r\n";
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;
const PATH = "/a.git/info/refs?service=git-upload-pack";
const GET = `GET ${PATH} HTTP/1.1\r\nHost: h\r\n`;
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

const length = (value: string, body = "0000"): string =>
  `${POST}Content-Length: ${value}\r\n\r\n${body}`;
const chunk = (size: string): string =>
  `${CHUNKED}${size}\r\n0000\r\n0\r\n\r\n`;
const headers = (count: number): string =>
  Array.from({ length: count }, (_, i) => `X-${i}: y\r\n`).join("");
const header = (text: string): string => `${GET}${text}\r\n\r\n`;

/** Every one. */
export const HOSTILE_REQUESTS: readonly HostileRequest[] = [
  {
    name: "Content-Length: -1",
    text: length("-1"),
    outcome: "400 closed",
  },
  {
    name: "Content-Length: 1e3",
    text: length("1e3"),
    outcome: "400 closed",
  },
  {
    name: "Content-Length: +4",
    text: length("+4"),
    outcome: "400 closed",
  },
  {
    name: "Content-Length: 2^64",
    text: length("18446744073709551616"),
    outcome: "400 closed",
  },
  {
    name: "Content-Length: 2^64 - 1",
    text: length("18446744073709551615"),
    outcome: { deno: "413", bun: "400 closed" },
  },
  {
    name: "Content-Length: 2^53 + 1",
    text: length("9007199254740993"),
    outcome: { deno: "413", bun: "413 closed" },
  },
  {
    name: "Content-Length: 4, 4",
    text: length("4, 4"),
    outcome: "400 closed",
  },
  {
    name: "Content-Length: 0x4",
    text: length("0x4"),
    outcome: "400 closed",
  },
  {
    name: "Content-Length: nothing",
    text: length(""),
    outcome: "400 closed",
  },
  {
    name: "a body shorter than its length, then the end",
    text: length("10"),
    isEnded: true,
    outcome: "200 closed|closed",
  },
  {
    name: "a body shorter than its length, then silence",
    text: length("10"),
    outcome: "200",
  },
  {
    name: "a body longer than its length",
    text: length("4", "0000garbage\r\n\r\n"),
    outcome: "200 400 closed|400 closed",
  },
  {
    name: "two lengths that differ",
    text: length("4\r\nContent-Length: 5"),
    outcome: "400 closed",
  },
  {
    name: "two lengths that agree",
    text: length("4\r\nContent-Length: 4"),
    outcome: "200",
  },
  {
    name: "a length, then chunks",
    text: length("4\r\nTransfer-Encoding: chunked", `0\r\n\r\n${SMUGGLED}`),
    outcome: "400 closed",
  },
  {
    name: "chunks, then a length",
    text: `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n` +
      `0\r\n\r\n${SMUGGLED}`,
    outcome: "400 closed",
  },
  {
    name: "Transfer-Encoding: identity, chunked",
    text:
      `${POST}Transfer-Encoding: identity, chunked\r\n\r\n4\r\n0000\r\n0\r\n\r\n`,
    outcome: "400 closed",
  },
  {
    name: "Transfer-Encoding: xchunked",
    text: `${POST}Transfer-Encoding: xchunked\r\n\r\n4\r\n0000\r\n0\r\n\r\n`,
    outcome: "400 closed",
  },
  {
    name: "Transfer-Encoding: chunked, twice",
    text:
      `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0000\r\n0\r\n\r\n`,
    outcome: "400 closed",
  },
  {
    name: "a space before the colon of Transfer-Encoding",
    text: length("4\r\nTransfer-Encoding : chunked"),
    outcome: "400 closed",
  },
  {
    name: "a chunk of -1 bytes",
    text: chunk("-1"),
    outcome: { deno: "closed|200 closed", bun: "400 closed" },
  },
  {
    name: "a chunk of 0x4 bytes",
    text: chunk("0x4"),
    outcome: { deno: "closed|200 closed", bun: "400 closed" },
  },
  {
    name: "a chunk of 2^64 bytes",
    text: chunk("10000000000000000"),
    outcome: { deno: "closed|200 closed", bun: "400 closed" },
  },
  {
    name: "a chunk of 2^64 - 1 bytes",
    text: chunk("ffffffffffffffff"),
    outcome: { deno: "200", bun: "400 closed" },
  },
  {
    name: "a chunk of zz bytes",
    text: chunk("zz"),
    outcome: { deno: "closed|200 closed", bun: "400 closed" },
  },
  {
    name: "a chunk of nothing bytes",
    text: chunk(""),
    outcome: { deno: "closed|200 closed", bun: "400 closed" },
  },
  {
    name: "an extension of a chunk, 1 MiB",
    text: chunk(`4;${"a".repeat(1 << 20)}`),
    outcome: { deno: "200 closed|closed", bun: "413 closed" },
  },
  {
    name: "chunks that end in LF alone",
    text: `${CHUNKED}4\n0000\n0\n\n`,
    outcome: { deno: "", bun: "400 closed" },
  },
  {
    name: "a chunk that is longer than it said",
    text: `${CHUNKED}4\r\n0000X\r\n0\r\n\r\n`,
    outcome: { deno: "closed|200 closed", bun: "400 closed|200 400 closed" },
  },
  {
    name: "chunks without a last one, then the end",
    text: `${CHUNKED}4\r\n0000\r\n`,
    isEnded: true,
    outcome: "200 closed|closed",
  },
  {
    name: "a trailer behind chunks",
    text: `${CHUNKED}4\r\n0000\r\n0\r\nX-Y: z\r\n\r\n`,
    outcome: { deno: "200", bun: "400 closed|200 400 closed" },
  },
  {
    name: "50 header lines",
    text: `${GET}${headers(50)}\r\n`,
    outcome: "200",
  },
  {
    name: "150 header lines",
    text: `${GET}${headers(150)}\r\n`,
    outcome: { deno: "400 closed", bun: "200" },
  },
  {
    name: "1,000 header lines",
    text: `${GET}${headers(1000)}\r\n`,
    outcome: { deno: "400 closed", bun: "431 closed" },
  },
  {
    name: "a header of 64 KiB",
    text: header(`X-Y: ${"y".repeat(65536)}`),
    outcome: { deno: "400 closed", bun: "431 closed" },
  },
  {
    name: "a header of 1 MiB",
    text: header(`X-Y: ${"y".repeat(1 << 20)}`),
    outcome: { deno: "400 closed", bun: "431 closed" },
  },
  {
    name: "a URL of 64 KiB",
    text: `GET /${"y".repeat(65536)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    outcome: { deno: "400 closed", bun: "431 closed" },
  },
  {
    name: "no host",
    text: `GET ${PATH} HTTP/1.1\r\n\r\n`,
    outcome: { deno: "200", bun: "400 closed" },
  },
  {
    name: "two hosts",
    text: `${GET}Host: evil\r\n\r\n`,
    outcome: { deno: "400 closed", bun: "400" },
  },
  {
    name: "a host that is none",
    text: `GET ${PATH} HTTP/1.1\r\nHost: a b/../\r\n\r\n`,
    outcome: "400",
  },
  {
    name: "HTTP/1.0 without a length",
    text: `GET ${PATH} HTTP/1.0\r\n\r\n`,
    outcome: "200 closed",
  },
  {
    name: "HTTP/1.0, a POST without a length",
    text: POST.replace("/1.1\r\nHost: h", "/1.0") + "\r\n0000",
    isEnded: true,
    outcome: "200 closed|closed",
  },
  {
    name: "HTTP/0.9",
    text: `GET ${PATH}\r\n\r\n`,
    outcome: { deno: "400 closed", bun: "505 closed" },
  },
  {
    name: "an absolute URL of another host",
    text: `GET http://evil${PATH} HTTP/1.1\r\nHost: h\r\n\r\n`,
    outcome: "200",
  },
  {
    name: "CONNECT",
    text: "CONNECT evil:80 HTTP/1.1\r\nHost: h\r\n\r\n",
    outcome: { deno: "405", bun: "404" },
  },
  {
    name: "TRACE",
    text: `TRACE ${PATH} HTTP/1.1\r\nHost: h\r\n\r\n`,
    outcome: "405",
  },
  {
    name: "a method that nobody knows",
    text: `FOO ${PATH} HTTP/1.1\r\nHost: h\r\n\r\n`,
    outcome: { deno: "405", bun: "closed" },
  },
  {
    name: "OPTIONS *",
    text: "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    outcome: { deno: "404", bun: "400 closed" },
  },
  {
    name: "a path without a slash",
    text: "GET a.git HTTP/1.1\r\nHost: h\r\n\r\n",
    outcome: "400 closed",
  },
  {
    name: "NUL in a path",
    text: "GET /a\0.git HTTP/1.1\r\nHost: h\r\n\r\n",
    outcome: { deno: "400 closed", bun: "505 closed" },
  },
  {
    name: "NUL in a header",
    text: header("X-Y: a\0b"),
    outcome: "400 closed",
  },
  {
    name: "Git-Protocol with CR LF",
    text: header("Git-Protocol: version=2\r\n version=1"),
    outcome: "400 closed",
  },
  {
    name: "Git-Protocol with ESC",
    text: header("Git-Protocol: version=2\x1b[0m"),
    outcome: "400 closed",
  },
  {
    name: "Git-Protocol of 4 KiB",
    text: header(`Git-Protocol: ${"version=2:".repeat(410)}`),
    outcome: "200",
  },
  {
    name: "Git-Protocol of 64 KiB",
    text: header(`Git-Protocol: ${"version=2:".repeat(6554)}`),
    outcome: { deno: "400 closed", bun: "431 closed" },
  },
  {
    name: "lines that end in LF alone",
    text: header("X-Y: z").replaceAll("\r", ""),
    outcome: { deno: "200", bun: "505 closed" },
  },
  {
    name: "Expect: something else",
    text: `${POST}Expect: magic\r\nContent-Length: 4\r\n\r\n0000`,
    outcome: "200",
  },
  {
    name: "a TLS hello",
    text: `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03${"x".repeat(500)}`,
    outcome: "400 closed",
  },
  {
    name: "a request of git://",
    text: "0032git-upload-pack /a.git\0host=a\0",
    outcome: "400 closed",
  },
];

/** The table for SECURITY.md, in Markdown, with a final newline. */
export function hostileMarkdown(): string {
  const words = (outcome: Outcome) =>
    outcome.split("|").map((each) => each === "" ? "waits" : each).join(" or ");
  const rows = HOSTILE_REQUESTS.map(({ name, outcome }) => {
    const both = typeof outcome === "string"
      ? { deno: outcome, bun: outcome }
      : outcome;
    return `| ${name} | ${words(both.deno)} | ${words(both.bun)} |`;
  });
  return [
    "| request | Deno | Bun |",
    "| --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
