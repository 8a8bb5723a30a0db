/**
 * TypeScript source with its comments blanked out and its strings set aside, so
 * that a test can look for imports and names without being misled by prose.
 * Not a parser: it knows where comments, strings, templates and regular
 * expressions begin and end, and nothing else.
 *
 * @module
 */

/** One source file, taken apart. */
export interface SourceText {
  /**
   * The code alone, line by line as in the file: comments are blank, the n-th
   * string or template part is `"n"`, regular expressions are `/ /`.
   */
  readonly code: string;
  /** What the n-th string holds, escapes untouched. */
  readonly strings: readonly string[];
}

/** Takes a source text apart. */
export function readSource(text: string): SourceText {
  const strings: string[] = [];
  /** Open braces of each template expression that encloses this place. */
  const templates: number[] = [];
  let code = "";
  let at = text.startsWith("#!") ? lineEnd(text, 0) : 0;

  const put = (literal: string) => {
    code += `"${strings.length}"${newlines(literal)}`;
    strings.push(literal);
  };
  /** A template's text from `at` to its end or its next expression. */
  const template = () => {
    const start = at;
    while (at < text.length && text[at] !== "`" && !text.startsWith("${", at)) {
      at += text[at] === "\\" ? 2 : 1;
    }
    put(text.slice(start, at));
    if (text[at] === "`") at++;
    else {
      templates.push(0);
      code += "(";
      at += 2;
    }
  };

  while (at < text.length) {
    const char = text.charAt(at);
    if (text.startsWith("//", at)) at = lineEnd(text, at);
    else if (text.startsWith("/*", at)) {
      const found = text.indexOf("*/", at + 2);
      const end = found < 0 ? text.length : found + 2;
      code += ` ${newlines(text.slice(at, end))}`;
      at = end;
    } else if (char === '"' || char === "'") {
      const end = literalEnd(text, at + 1, char);
      put(text.slice(at + 1, end));
      at = end + 1;
    } else if (char === "`") {
      at++;
      template();
    } else if (char === "/" && regexMayStart(code)) {
      code += "/ /";
      at = regexEnd(text, at + 1);
    } else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      code += ")";
      at++;
      template();
    } else {
      const depth = templates.length - 1;
      if (depth >= 0 && char === "{") templates[depth] = nth(templates) + 1;
      if (depth >= 0 && char === "}") templates[depth] = nth(templates) - 1;
      code += char;
      at++;
    }
  }
  return { code, strings };
}

function nth(templates: readonly number[]): number {
  return templates.at(-1) ?? 0;
}

function newlines(text: string): string {
  return "\n".repeat(text.split("\n").length - 1);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function literalEnd(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote && text[at] !== "\n") {
    at += text[at] === "\\" ? 2 : 1;
  }
  return at;
}

/** A slash divides after a value; elsewhere it opens a regular expression. */
function regexMayStart(code: string): boolean {
  const before = code.trimEnd();
  if (
    /(?<![\w$.])(?:return|typeof|case|in|of|do|else|void|await|yield)$/.test(
      before.slice(-12),
    )
  ) return true;
  return !/[\w$)\]}"/]$/.test(before);
}

function regexEnd(text: string, from: number): number {
  let inClass = false;
  let at = from;
  for (; at < text.length && text[at] !== "\n"; at++) {
    const char = text[at];
    if (char === "\\") at++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return at + 1;
  }
  return at;
}
