/**
 * The pages for people, as text: what is in them is given, and nothing of it
 * is trusted. They need no script, and load nothing. Pure.
 *
 * @module
 */

import type { Count, Overview } from "../../service/overview.ts";
import { cloneLine, hasPlaceholder, PLACEHOLDER } from "./clone_lines.ts";
import { encodePath, type Html, markup, visible } from "./page_text.ts";
import { STYLE } from "./page_style.ts";

/** What all pages are made with. */
export interface PageFrame {
  /** What stands before paths in links: "/" unless a web server is in front. */
  readonly root: string;
  /** What stands before paths in URLs to clone, one for each transport. */
  readonly bases: readonly string[];
  /**
   * "files" where a web server that knows nothing of git hands pages out:
   * nothing searches for it, and repositories are folders with a page each,
   * that leads to a list where `root` is not "". Else "answers".
   */
  readonly kind?: "files" | "answers";
}

/** One repository in the list. */
export interface ListedRepository {
  /** Its path, with a slash in front. */
  readonly path: string;
  /** Its name, where the path is not that. */
  readonly title?: string;
  /** What is known of it; nothing where it cannot be read. */
  readonly overview: Overview | undefined;
}

/** One page of the list. */
export interface IndexPage extends PageFrame {
  /** The repositories on it; `undefined` where none are listed at all. */
  readonly repositories: readonly ListedRepository[] | undefined;
  /** How many there are on all pages. */
  readonly total: number;
  /** Whether there may be others that were not looked for. */
  readonly isCut: boolean;
  /** What was searched for, "" for nothing. */
  readonly query: string;
  /** Which page it is, from 1. */
  readonly page: number;
  /** How many pages there are. */
  readonly pages: number;
  /** Who asks, where that is known. */
  readonly user: string | undefined;
  /** Whether credentials could show more. */
  readonly maySignIn: boolean;
}

/** Longer searches are cut. */
export const MAX_QUERY = 100;
const MAX_NAME = 300;
const MAX_TEXT = 500;
/** Seconds since 1970 that a calendar of four digits has. */
const MAX_TIME = 253402300799;

/** The page that lists repositories. */
export function indexPage(page: IndexPage): string {
  const { root, user, maySignIn, repositories } = page;
  const who = user !== undefined
    ? markup`<p class="soft">Signed in as <bdi>${visible(user, 100)}</bdi></p>`
    : maySignIn
    ? markup`<nav aria-label="Account"><a href="${root}?sign-in">Sign in</a></nav>`
    : undefined;
  return documentOf(
    "Git repositories",
    markup`<header>
<h1>Git repositories</h1>
${who}</header>
<main>
${repositories === undefined ? UNLISTED : listOf(page, repositories)}</main>
${pagesOf(page)}`,
  );
}

const UNLISTED = markup`
  <p>This server does not list its repositories. Whoever
  knows the name of one can clone it.</p>
`;

/** The page of one repository. */
export function repositoryPage(
  frame: PageFrame,
  { path, title, overview }: ListedRepository,
): string {
  const name = nameOf(title ?? path);
  const { description } = overview ?? {};
  return documentOf(
    name,
    markup`
      <header>
      ${homeOf(frame)}<h1><bdi>${name}</bdi></h1>
      ${description === undefined ? undefined : described(description)}</header>
      <main>
      ${overview === undefined ? undefined : factsOf(overview)}<h2>Clone</h2>
      ${cloneLines(frame, path)}${placeholderNote(frame.bases)}</main>
    `,
  );
}

function homeOf({ root, kind }: PageFrame): Html | undefined {
  if (kind === "files" && root === "") return undefined;
  return markup`
    <nav aria-label="Pages"><a href="${root}">All repositories</a></nav>
  `;
}

function documentOf(title: string, body: Html): string {
  return markup`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>${title}</title>
        <style>${{ html: STYLE }}</style>
      </head>
      <body>
    ${body}</body>
    </html>
  `.html.trimStart();
}

function listOf(
  page: IndexPage,
  repositories: readonly ListedRepository[],
): Html {
  const items = repositories.map((repository) => item(page, repository));
  const list = items.length === 0 ? undefined : markup`
    <ul class="list">
    ${items}</ul>
  `;
  return markup`${searchForm(page)}<p role="status">${countOf(page)}</p>
${list}${items.length === 0 ? undefined : placeholderNote(page.bases)}`;
}

function searchForm(
  { root, kind, query, total, pages }: IndexPage,
): Html | undefined {
  if (kind === "files") return undefined;
  if (query === "" && pages <= 1 && total < 2) return undefined;
  return markup`
    <form role="search" method="get" action="${root}">
    <label for="q">Name contains</label>
    <input type="search" id="q" name="q" value="${
    visible(query, MAX_QUERY)
  }" maxlength="${MAX_QUERY}" autocomplete="off" spellcheck="false">
    <button type="submit">Search</button>
    ${
    query === "" ? undefined : markup`
      <a href="${root}">Show all</a>
    `
  }</form>
  `;
}

function countOf(page: IndexPage): Html {
  const { total, isCut, query, pages, page: number } = page;
  const noun = total === 1 ? "repository" : "repositories";
  const count = total === 0 ? "No" : grouped(total);
  const searched = markup`<bdi>${visible(query, MAX_QUERY)}</bdi>`;
  const matching = query === ""
    ? undefined
    : markup` whose name contains \u201c${searched}\u201d`;
  const where = pages > 1 ? ` \u2013 page ${number} of ${pages}` : "";
  const more = isCut ? ". There are more, which were not looked for" : "";
  return markup`${count} ${noun}${matching}${where}${more}`;
}

/** "10,000": a formatter of the runtime's takes a millisecond to make. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

function item(page: IndexPage, { path, overview }: ListedRepository): Html {
  const name = markup`<bdi>${nameOf(path)}</bdi>`;
  const heading = path === "/"
    ? name
    : markup`<a href="${linkTo(page, path)}">${name}</a>`;
  const { description } = overview ?? {};
  return markup`
    <li>
    <h2>${heading}</h2>
    ${description === undefined ? undefined : described(description)}${
    overview === undefined ? undefined : markup`
      <p class="soft">Default branch: ${headOf(overview)}</p>
    `
  }${cloneLines(page, path)}</li>
  `;
}

function linkTo({ root, kind }: PageFrame, path: string): string {
  const slash = kind === "files" ? "/" : "";
  return root + encodePath(path.slice(1)) + slash;
}

function nameOf(path: string): string {
  const name = visible(path.replace(/^\//, ""), MAX_NAME);
  return name === "" ? "/" : name;
}

function described(description: string): Html {
  return markup`
    <p dir="auto">${visible(description, MAX_TEXT)}</p>
  `;
}

function headOf({ head, branch }: Overview): Html {
  const name = markup`<code><bdi>${
    visible(branch ?? "", MAX_NAME)
  }</bdi></code>`;
  switch (head) {
    case "branch":
      return name;
    case "unborn":
      return markup`${name}, without a commit yet`;
    case "detached":
      return markup`none: HEAD is a commit of its own`;
    case "missing":
      return markup`none`;
  }
}

function factsOf(overview: Overview): Html {
  const { branches, tags, commit } = overview;
  return markup`
    <dl>
    <dt>Default branch</dt><dd>${headOf(overview)}</dd>
    ${fact("Branches", branches)}${fact("Tags", tags)}${
    commit === undefined ? undefined : markup`
        <dt>Last commit</dt>
        <dd><span dir="auto">${
      visible(
        commit.subject,
        MAX_TEXT,
      )
    }</span>${timeOf(commit.time)}</dd>
      `
  }</dl>
  `;
}

function fact(name: string, counted: Count | undefined): Html | undefined {
  if (counted === undefined) return undefined;
  const count = grouped(counted.count);
  return markup`
    <dt>${name}</dt>
    <dd>${count}${counted.isAll ? "" : " or more"}</dd>
  `;
}

function timeOf(seconds: number): Html | undefined {
  if (!(seconds > 0 && seconds <= MAX_TIME)) return undefined;
  const iso = new Date(Math.floor(seconds) * 1000).toISOString();
  const text = `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
  return markup`<br><time class="soft" datetime="${
    iso.slice(0, 19)
  }Z">${text}</time>`;
}

function cloneLines({ bases }: PageFrame, path: string): Html {
  const lines = bases.map((base, i) =>
    markup`${i === 0 ? "" : "\n"}<code>${cloneLine(base, path)}</code>`
  );
  return markup`<pre>${lines}</pre>`;
}

function placeholderNote(bases: readonly string[]): Html | undefined {
  return bases.some(hasPlaceholder)
    ? markup`
      <p class="soft">${PLACEHOLDER} stands for the address of this
      server, as your browser shows it.</p>
    `
    : undefined;
}

function pagesOf(
  { root, query, page, pages }: IndexPage,
): Html | undefined {
  if (pages <= 1) return undefined;
  const link = (number: number, rel: string, words: string) => {
    const fields = new URLSearchParams(query === "" ? {} : { q: query });
    fields.set("page", String(number));
    return markup`
      <a rel="${rel}" href="${root}?${fields.toString()}">${words}</a>
    `;
  };
  return markup`
    <footer>
      <nav aria-label="Pages">
    ${page > 1 ? link(page - 1, "prev", "Previous page") : undefined}${
    page < pages ? link(page + 1, "next", "Next page") : undefined
  }</nav>
    </footer>
  `;
}
