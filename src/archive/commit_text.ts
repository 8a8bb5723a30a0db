/**
 * A commit as its reader sees it: people, encoding, subject and body, in UTF-8
 * where its encoding can be read (pretty.c of git 2.39: parse_commit_header,
 * parse_commit_message). Its links are `../object/commit.ts`.
 *
 * @module
 */

import { toBinary } from "../core/bytes.ts";
import { type Encodings, isUtf8Name } from "./encodings.ts";
import { cText, isSpace, trimEnd } from "./ident.ts";

/** The readable parts of a commit; binary strings. */
export interface CommitText {
  /** The encoding that the commit names. */
  readonly encoding: string | undefined;
  /** What follows "author ", "" where nothing does. */
  readonly author: string;
  /** What follows "committer ". */
  readonly committer: string;
  /** Everything behind the blank line. */
  readonly message: string;
  /** The message from its first line that is not blank. */
  readonly subjectAndBody: string;
  /** The lines of the first paragraph, joined by blanks. */
  readonly subject: string;
  /** The first line of the first paragraph. */
  readonly firstLine: string;
  /** What follows the first paragraph and blank lines. */
  readonly body: string;
  /** Whether it is signed, for its own object format. */
  readonly isSigned: boolean;
}

/** Reads a commit's bytes; `signature` is the header of a signature. */
export function readCommitText(
  data: Uint8Array,
  encodings: Encodings,
  signature: "gpgsig" | "gpgsig-sha256",
): CommitText {
  const raw = cText(toBinary(data));
  const rawHeaders = raw.slice(0, headerEnd(raw));
  const encoding = /^encoding ([^\n]*)/m.exec(rawHeaders)?.[1];
  const isForeign = encoding !== undefined && !isUtf8Name(encoding);
  const text = isForeign ? encodings.toUtf8(raw, encoding) ?? raw : raw;
  const end = headerEnd(text);
  const headers = text.slice(0, end);
  const subjectAt = skipBlankLines(text, end);
  const bodyAt = paragraphEnd(text, subjectAt);
  const lines = text.slice(subjectAt, bodyAt).split("\n");
  return {
    encoding,
    author: lastHeader(headers, "author"),
    committer: lastHeader(headers, "committer"),
    message: text.slice(end + 1),
    subjectAndBody: text.slice(subjectAt),
    subject: lines.map(trimEnd).filter((line) => line !== "").join(" "),
    firstLine: text.slice(subjectAt, lineEnd(text, subjectAt)),
    body: text.slice(skipBlankLines(text, bodyAt)),
    isSigned: rawHeaders.includes(`\n${signature} `),
  };
}

/** Where the blank line behind the headers is, or the end. */
function headerEnd(text: string): number {
  if (text.startsWith("\n")) return 0;
  const blank = text.indexOf("\n\n");
  return blank < 0 ? text.length : blank + 1;
}

function lastHeader(headers: string, key: string): string {
  const at = `\n${headers}`.lastIndexOf(`\n${key} `);
  return at < 0 ? "" : headers.slice(at + key.length + 1, lineEnd(headers, at));
}

function lineEnd(text: string, at: number): number {
  const lf = text.indexOf("\n", at);
  return lf < 0 ? text.length : lf;
}

function skipBlankLines(text: string, start: number): number {
  let line = start;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x0a) line = at + 1;
    else if (!isSpace(code)) return line;
  }
  return text.length;
}

/** Where the first blank line from `start` on is, or the end. */
function paragraphEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const end = lineEnd(text, at);
    if (trimEnd(text.slice(at, end)) === "") return at;
    at = end + 1;
  }
  return text.length;
}
