/**
 * The pages of exported repositories, for people: nothing in them is trusted,
 * and nothing is loaded. Pure.
 *
 * @module
 */

/** What a page says of a repository: text of any content. */
export interface ExportedPage {
  /** Its name. */
  readonly name: string;
  /** What its owner says of it. */
  readonly description?: string;
  /** Its default branch. */
  readonly branch?: string;
  /** Where it is cloned from. */
  readonly url: string;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** What is not seen, or turns the direction of text around it. */
const UNSEEN =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]/g;

const STYLE = ":root{color-scheme:light dark}" +
  "body{margin:0 auto;max-width:52rem;padding:1.5rem 1rem;" +
  "font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}";

/** The page of one repository. */
export function exportedPage(page: ExportedPage): string {
  return documentOf(
    page.name,
    `<h1><bdi>${text(page.name)}</bdi></h1>\n${factsOf(page)}`,
  );
}

/** The page that lists several; their names are links. */
export function exportedList(pages: readonly ExportedPage[]): string {
  const items = pages.map((page) =>
    `<li>\n<h2><a href="${encodeURIComponent(page.name)}/"><bdi>${
      text(page.name)
    }</bdi></a></h2>\n${factsOf(page)}</li>\n`
  );
  return documentOf(
    "Git repositories",
    `<h1>Git repositories</h1>\n<ul>\n${items.join("")}</ul>\n`,
  );
}

function factsOf({ description, branch, url }: ExportedPage): string {
  return (description === undefined
    ? ""
    : `<p dir="auto">${text(description)}</p>\n`) +
    (branch === undefined
      ? ""
      : `<p>Default branch: <code><bdi>${text(branch)}</bdi></code></p>\n`) +
    `<pre><code>git clone ${text(shellWord(url))}</code></pre>\n`;
}

function documentOf(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}</body>
</html>
`;
}

function text(value: string): string {
  return value.toWellFormed().replace(UNSEEN, "\ufffd").slice(0, 2000)
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}

function shellWord(word: string): string {
  return /^[\w./:@%+=,~-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}
