/**
 * Generated formats, and commits to expand them for: everything that pretty.c
 * knows, and much that it does not.
 *
 * @module
 */

import type { Random } from "../../support/random.ts";

/** The time at which dates are looked at. */
export const NOW = 1_700_000_000;

/** A mailmap with simple and complex lines, and broken ones. */
export const MAILMAP = [
  "# comment <a@x>",
  "New Name <new@x> <a@x>",
  "Other <other@x> Old Name <A@X>",
  "  Only Name   <b@x>",
  "<only@x> <c@x>",
  "Broken <",
  "Empty <> <d@x>",
  "N <n@x>   <>  ",
  "Last <last@x> <e@x",
].join("\n");

const PLACEHOLDERS = [
  ...["H", "h", "T", "t", "P", "p", "m", "n", "%", "x41", "x0a", "xZZ", "e"],
  ...["an", "aN", "ae", "aE", "al", "aL", "ad", "aD", "ar", "at", "ai", "aI"],
  ...["as", "ah", "aX", "cn", "cN", "ce", "cE", "cl", "cL", "cd", "cD", "cr"],
  ...["ct", "ci", "cI", "cs", "ch", "d", "D", "s", "f", "b", "B", "s", "f"],
  ...["N", "S", "gd", "gD", "gs", "gn", "gX", "G?", "GG", "GS", "GK", "GT"],
  ...["GX", "C(auto)", "Cred", "Creset", "Cx", "C(red)", "C(auto,blue)", "Z"],
  ...["C(always,red bold)", "C(always,#ff0102 nodim reset)", "C(x", "(x)"],
  ...["C(always,normal 200 ul no-ul)", "C(always,brightred 9)", "C(always,)"],
  ...["w(10)", "w(20,2)", "w(30,1,4)", "w()", "w(0,3,5)", "w(0)", "w(99999)"],
  ...["w(x)", "w(-1)", "w(5,,2)", "w(12,3,1)", "+w(4)", "x00"],
  ...["(trailers)", "(trailers:only)", "(trailers:unfold,only=no)"],
  ...["(trailers:key=Fixes)", "(trailers:key=fixes:,valueonly)"],
  ...["(trailers:only=true,separator=%x2C )", "(trailers:keyonly,only)"],
  ...["(trailers:key_value_separator==,separator=%n)", "(trailers:bad)"],
  ...["(trailers:only=maybe,unfold)", "(trailers:separator=%%,unfold=1k)"],
  ...["(trailers:key=Signed-off-by,key=X,separator=|)", "(trailers:key)"],
  ...["(trailers:only=0,separator=;)", "(trailers", "(trailersx)"],
  ...["(describe)", "(describe:tags)", "(describe:tags=false,abbrev=6)"],
  ...["(describe:abbrev=0)", "(describe:match=v*)", "(describe:exclude=v*)"],
  ...["(describe:tags=foo)", "(describe:abbrev=x)", "(describe:match)"],
  ...["(describe:tags,match=l*,abbrev=40)", "(describe:)", "(describex"],
];

const PADS = [
  ...["<(10)", ">(8)", "><(12)", ">>(6)", "<|(20)", ">|(15)", "><|(9)"],
  ...[">>|(30)", "<(4,trunc)", "<(6,ltrunc)", ">(5,mtrunc)", "><(7,trunc)"],
  ...["<(0)", "<(x)", "<()", "<(5", "<(99999)", "<(-5)", "<|(-60)", ">|(-79)"],
  ...["<(4294967301)", "<( 7)", "<(7 )", "<(1,trunc)", "<(2,mtrunc)", "<(3,x)"],
  ...["<|(3,trunc)", ">>(9,ltrunc)"],
];

const TEXTS = [
  ...[" ", "x", "\n", "abc def ", "  ", "\t", "\xc3\xa9", "\xe4\xb8\xad", "-"],
  ...["\x1b[1m", "  \x1b[31m ", "m ", "\xff", "lorem ipsum dolor sit amet "],
];

/** `count` files with formats in them. */
export function formats(random: Random, count: number): string[] {
  return Array.from({ length: count }, () => {
    const parts: string[] = [];
    for (let i = 1 + random.int(3); i > 0; i--) {
      if (random.int(2) === 0) parts.push(random.pick(TEXTS));
      parts.push(`$Format:${format(random)}$`);
    }
    parts.push(random.pick(["", "\n", "$", "$Format:%s", "$Format:"]));
    return parts.join("");
  });
}

function format(random: Random): string {
  const parts: string[] = [];
  for (let i = 1 + random.int(6); i > 0; i--) {
    const kind = random.int(12);
    if (kind < 3) parts.push(random.pick(TEXTS));
    if (kind === 3) parts.push(`%${random.pick(PADS)}`);
    const magic = random.int(5) === 0 ? random.pick(["+", "-", " "]) : "";
    parts.push(`%${magic}${random.pick(PLACEHOLDERS)}`);
  }
  if (random.int(10) === 0) parts.push("%");
  return parts.join("");
}

const NAMES = [
  ...["A", "Old Name", "old name", "", " ", "J. R\xc3\xb6sti", "\xe9", "X < Y"],
  ...["  spaced  out  ", "\xe4\xb8\xad\xe6\x96\x87"],
];
const MAILS = [
  ...["a@x", "A@x", "b@x", "c@x", "d@x", "", "no-at", "two@at@x", "x>y@z"],
];
const DATES = [
  ...["0 +0000", "1699999990 +0100", "1699990000 -0730", "1699000000 +0545"],
  ...["1690000000 +0000", "1650000000 -0000", "1500000000 +1400", "1 +0000"],
  ...["1800000000 +0000", "99999999999 +0000", "1234 +99999999999", "x", ""],
  ...["18446744073709551615 +0000", "99999999999999999999999 -0500", "12"],
  ...["9223372036854775807 +0000", "67768036191676799 +0000", "1700000 -0001"],
  ...["67768036191676800 +0100", "007 +0001", "1699920000 +0000", "12 +x"],
  ...["1668000000 +0000", "951782400 +0000", "4107542400 +0000", "1 +0000 z"],
  ...["1699700000 +0000", "1698700000 +0000", "1697000000 +0200", "  5  +0100"],
];

const TRAILERS = [
  ...["Signed-off-by: A <a@x>", "Fixes: #1", "fixes : #2", "X: y\n  more\n z"],
  ...["not a trailer", "Empty:", ": no key", "# comment", "Key-1:v", "a b: c"],
  ...["(cherry picked from commit 123)", "  indented", "Bug #4: x", "Fixes:3"],
  ...["Conflicts:", "\tpath", "", "X:\n \n y"],
];

/** A commit from its author on, odd in some way. */
export function commitBody(random: Random): string {
  const headers: string[] = [];
  if (random.int(15) !== 0) headers.push(`author ${ident(random)}\n`);
  if (random.int(15) !== 0) headers.push(`committer ${ident(random)}\n`);
  const encoding = random.int(3) === 0
    ? random.pick([
      ...["UTF-8", "utf8", "ISO-8859-1", "latin-1", "us-ascii", "bogus"],
      ...["koi8-r", "windows-1252", "ISO-8859-15", "EUC-JP", "Shift_JIS"],
    ])
    : undefined;
  if (encoding !== undefined) headers.push(`encoding ${encoding}\n`);
  if (random.int(6) === 0) headers.push("gpgsigx a\n b\n");
  // Without a blank line behind the headers git reads beyond the commit.
  const text = message(random) + (random.int(20) === 0 ? "\n\nlast" : "");
  const blank = text.endsWith("last") && !text.includes("\0") ? "" : "\n";
  return headers.join("") + blank + text;
}

function ident(random: Random): string {
  const shape = random.int(12);
  const name = random.pick(NAMES);
  const mail = random.pick(MAILS);
  if (shape === 0) return name;
  if (shape === 1) return `${name} <${mail}`;
  return `${name} <${mail}> ${random.pick(DATES)}`;
}

function message(random: Random): string {
  const paragraphs: string[] = [];
  if (random.int(6) === 0) paragraphs.push("\n  \n");
  const subject = [
    ...["subject line", "two\nlines", "trailing   ", "", "...dots...and_x!!!"],
    ...["caf\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87", "bad \xe9 byte", "a.b..c - d"],
    ...["combining e\xcc\x81 x", "tab\there \x1b[31mred\x1b[m", "\xa4\xa2x"],
  ];
  paragraphs.push(random.pick(subject));
  const words = ["lorem", "ipsum", "dolor", "sit", "\xc3\xa9t\xc3\xa9", "\n"];
  for (let i = random.int(3); i > 0; i--) {
    const count = 1 + random.int(30);
    const text = Array.from({ length: count }, () => random.pick(words));
    paragraphs.push(text.join(" "));
  }
  if (random.int(2) === 0) {
    const count = 1 + random.int(5);
    const lines = Array.from({ length: count }, () => random.pick(TRAILERS));
    paragraphs.push(lines.join("\n"));
  }
  if (random.int(10) === 0) {
    paragraphs.push(
      "# ------------------------ >8 ------------------------\nx",
    );
  }
  const end = random.pick(["\n", "", "\n\n", "\n# c\n", "\0tail\n"]);
  return paragraphs.join(random.pick(["\n\n", "\n\n", "\n \n", "\n"])) + end;
}
