/**
 * Exports repositories to folders that any web server can hand out.
 *
 * @module
 */

import { binaryToUtf8, fromUtf8, toUtf8 } from "../core/bytes.ts";
import { StorageError, UsageError } from "../core/errors.ts";
import type { WritableFiles } from "../core/write_files.ts";
import { NODE_FILES } from "../runtime/files.ts";
import { currentDirectory } from "../runtime/process.ts";
import { NODE_WRITE_FILES } from "../runtime/write_files.ts";
import {
  exportedList,
  type ExportedPage,
  exportedPage,
} from "../server/export_pages.ts";
import {
  type ExportedRefs,
  exportedRefs,
  planExport,
  selectAdded,
  tipsOf,
} from "../service/export/export_selection.ts";
import {
  type FoundState,
  PublishedFolder,
  replaceIn,
} from "../storage/files/published_folder.ts";
import type { Repository, Snapshot } from "../storage/types.ts";
import { FileSystemBackend, type FileSystemBackendOptions } from "./files.ts";
import { defaultKernels } from "./kernels.ts";

/** How {@linkcode exportRepositories} works. */
export interface ExportOptions extends FileSystemBackendOptions {
  /** The repositories' directories. */
  readonly directories: readonly string[];
  /** The folder to publish; made where it is not there. */
  readonly out: string;
  /**
   * Where the folder will be, for the lines that clone: "https://example.com/".
   * Unless told, they have a placeholder.
   */
  readonly url?: string;
  /** So many packs a repository may have before they are gathered into one. */
  readonly maxPacks?: number;
}

/** One repository that was exported. */
export interface ExportedRepository {
  /** Where it is below `out`: "" for one that is alone. */
  readonly name: string;
  /** The files that changed, but for packs. */
  readonly written: readonly string[];
  /** The pack that was added. */
  readonly pack?: string;
}

const MAX_PACKS = 8;
const MAX_DESCRIPTION = 64 * 1024;
const TEMPLATE = "Unnamed repository; edit this file 'description'";
const PLACEHOLDER = "https://ADDRESS/";

/**
 * Exports repositories: each to a folder of its own below `out`, or to `out`
 * itself where it is the only one, with what git's clients need of a web server
 * that only hands out files. What has not changed since the last time stays as
 * it is, and whoever reads meanwhile sees each repository as it was or as it is
 * now. Refs that `transfer.hideRefs` hides are left out, with what only they
 * reach. Rejects where one cannot be read, and leaves that one as it was.
 *
 * @example Publish a repository, again after it has changed
 * ```ts ignore
 * import { exportRepositories } from "@gitsrv/gitsrv";
 *
 * const [exported] = await exportRepositories({
 *   directories: ["./hello.git"],
 *   out: "./public/hello.git",
 *   url: "https://example.com/hello.git",
 * });
 * console.log(exported.written);
 * ```
 */
export function exportRepositories(
  options: ExportOptions,
): Promise<readonly ExportedRepository[]> {
  return exportThrough(NODE_WRITE_FILES, options);
}

/** The same, by files that may fail. */
export async function exportThrough(
  files: WritableFiles,
  options: ExportOptions,
): Promise<readonly ExportedRepository[]> {
  const { directories } = options;
  const out = absolute(options.out);
  const backend = new FileSystemBackend("/", options);
  const names = namesOf(directories);
  const exported: ExportedRepository[] = [];
  const pages: ExportedPage[] = [];
  for (const [i, directory] of directories.entries()) {
    const repository = await backend.openDirectory(
      absolute(directory),
      "suffixes",
    );
    const name = names[i] as string;
    const target = directories.length === 1
      ? { path: out, name: "" }
      : { path: `${out}/${name}`, name };
    const done = await exportOne(files, repository, target, name, options);
    exported.push(done.exported);
    pages.push(done.page);
  }
  if (directories.length > 1) {
    const list = fromUtf8(exportedList(pages));
    await replaceIn(files, out, "index.html", list);
  }
  return exported;
}

async function exportOne(
  files: WritableFiles,
  repository: Repository,
  target: { readonly path: string; readonly name: string },
  title: string,
  { url = PLACEHOLDER, maxPacks = MAX_PACKS, logger }: ExportOptions,
): Promise<{
  readonly exported: ExportedRepository;
  readonly page: ExportedPage;
}> {
  using snapshot = await repository.snapshot();
  const refs = exportedRefs(repository, snapshot);
  const folder = new PublishedFolder({
    files,
    path: target.path,
    format: repository.format,
    kernels: defaultKernels(logger),
  });
  const before = folder.read();
  const packs = await packsFor(snapshot, refs, folder, before, {
    maxPacks,
    kernels: defaultKernels(logger),
    format: repository.format,
  });
  const description = descriptionOf(repository);
  const { branch } = refs;
  const page: ExportedPage = {
    name: title,
    ...(description === undefined ? {} : { description }),
    ...(branch === undefined
      ? {}
      : { branch: binaryToUtf8(branch.replace(/^refs\/heads\//, "")) }),
    url: target.name === ""
      ? url
      : `${url.replace(/\/*$/, "/")}${encodeURIComponent(target.name)}`,
  };
  const written = await folder.publish({
    listing: refs.listing,
    head: refs.head,
    packs,
    pages: new Map([["index.html", fromUtf8(exportedPage(page))]]),
  }, before);
  const [pack] = packs.filter((name) => before?.packs.includes(name) !== true);
  const { name } = target;
  return {
    exported: { name, written, ...(pack === undefined ? {} : { pack }) },
    page,
  };
}

type PackTerms =
  & { readonly maxPacks: number }
  & Pick<
    ConstructorParameters<typeof PublishedFolder>[0],
    "format" | "kernels"
  >;

/** The packs that hold what the refs reach: those that are there, one more. */
async function packsFor(
  snapshot: Snapshot,
  { tips }: ExportedRefs,
  folder: PublishedFolder,
  before: FoundState | undefined,
  { maxPacks, kernels, format }: PackTerms,
): Promise<readonly string[]> {
  if (tips.length === 0) return [];
  const usable = before?.isTorn === false ? before : undefined;
  const had = usable === undefined ? [] : tipsOf(usable.listing, usable.head);
  if (usable !== undefined && had.join() === tips.join()) return usable.packs;
  const kept = usable !== undefined && usable.packs.length < maxPacks
    ? usable.packs
    : [];
  const added = kept.length === 0
    ? undefined
    : await inSteps(selectAdded(snapshot, tips, had));
  if (added?.objects.length === 0) return kept;
  const selection = added ?? await inSteps(selectAdded(snapshot, tips, []));
  if (selection === undefined) return [];
  const plan = await inSteps(planExport(snapshot, selection));
  using bytes = plan.open(kernels.hash(format));
  const pack = await folder.addPack(bytes);
  return added === undefined ? [pack] : [...kept, pack];
}

/** Runs it to its end, with a turn for others now and then. */
async function inSteps<T>(work: Generator<number, T, void>): Promise<T> {
  for (let until = performance.now() + 10;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (performance.now() < until) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    until = performance.now() + 10;
  }
}

/** The names of folders, which must differ. */
function namesOf(directories: readonly string[]): readonly string[] {
  const names = directories.map((directory) => {
    const path = absolute(directory).replace(/\/+$/, "")
      .replace(/(?:\/\.)+$/, "").replace(/\/\.git$/, "");
    const name = path.slice(path.lastIndexOf("/") + 1);
    return name.endsWith(".git") ? name : `${name}.git`;
  });
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return names;
  throw new UsageError("usage", `two repositories would be '${twice}'`);
}

function descriptionOf({ address }: Repository): string | undefined {
  const path = `${address?.commonDir}/description`;
  try {
    if (NODE_FILES.lstat(path)?.kind !== "file") return undefined;
    const bytes = NODE_FILES.read(path, MAX_DESCRIPTION);
    const text = bytes === undefined ? "" : toUtf8(bytes).trim();
    return text === "" || text.startsWith(TEMPLATE) ? undefined : text;
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${currentDirectory()}/${path}`;
}
