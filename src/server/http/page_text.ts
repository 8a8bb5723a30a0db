/**
 * Text of strangers in HTML: names, descriptions and subjects may hold
 * anything, and a page shows it as text, once, and within bounds. Pure.
 *
 * @module
 */

/** HTML that was escaped, or written by us. */
export interface Html {
  /** The markup. */
  readonly html: string;
}

/** What may stand in a template. */
type Part = Html | string | number | undefined | readonly Html[];

/**
 * Markup with values in it: text is escaped, and what is {@linkcode Html}
 * stands as it is. How the markup itself is indented does not matter.
 */
export function markup(
  strings: TemplateStringsArray,
  ...parts: readonly Part[]
): Html {
  let text = "";
  for (const [i, written] of strings.entries()) {
    text += written.replace(/\n\s*/g, "\n") + markupOf(parts[i]);
  }
  return { html: text };
}

function markupOf(part: Part): string {
  if (part === undefined) return "";
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return escape(part);
  return "html" in part ? part.html : part.map((each) => each.html).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

/** What turns the direction of text around it, or is not seen at all. */
const UNSEEN =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]/g;

/**
 * `text` as one line that a page can show: white space is one space, what is
 * not seen or turns the direction of text is a replacement character, as are
 * halves of characters, and what is longer than `limit` is cut.
 */
export function visible(text: string, limit: number): string {
  // Cut first: the rest of a long text is not worth the time.
  const isLong = text.length > limit;
  const line = text.slice(0, limit).toWellFormed()
    .replace(/[\t\n\v\f\r ]+/g, " ").trim()
    .replace(UNSEEN, "\ufffd");
  return isLong ? `${line}\u2026` : line;
}

/** The path of a URL for a path that is text: every segment encoded. */
export function encodePath(path: string): string {
  return path.toWellFormed().split("/").map((segment) =>
    encodeURIComponent(segment).replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    )
  ).join("/");
}
