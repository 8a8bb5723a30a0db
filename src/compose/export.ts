/**
 * Exports repositories to folders that any web server can hand out.
 *
 * @module
 */

import { fromBinary, fromUtf8, toHex } from "../core/bytes.ts";
import { UsageError } from "../core/errors.ts";
import { SHA1 } from "../core/oid.ts";
import type { Owners } from "../core/owner.ts";
import type { WritableFiles } from "../core/write_files.ts";
import type { Kernels } from "../kernels/types.ts";
import { systemOwners } from "../runtime/owner.ts";
import { currentDirectory } from "../runtime/process.ts";
import { NODE_WRITE_FILES } from "../runtime/write_files.ts";
import {
  indexPage,
  type ListedRepository,
  repositoryPage,
} from "../server/http/page_html.ts";
import { bundleHeader, bundleList } from "../service/export/export_bundle.ts";
import { exportedOverview } from "../service/export/export_overview.ts";
import {
  type ExportedRefs,
  exportedRefs,
  planExport,
  selectAdded,
  tipsOf,
} from "../service/export/export_selection.ts";
import { changeTogether } from "../storage/files/change_together.ts";
import {
  lockFolder,
  type PublishedBundles,
  PublishedFolder,
  type PublishedState,
} from "../storage/files/published_folder.ts";
import type { PackPlan, Repository, Snapshot } from "../storage/types.ts";
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
  /**
   * For how long packs stay that nothing leads to any more, since somebody may
   * be reading them, milliseconds: an hour unless told. Until then, who knows
   * the name of a pack can still have what it holds.
   */
  readonly keepOldMs?: number;
  /** "all" adds a bundle of everything, and the file that names it. */
  readonly bundle?: "all" | "none";
}

/** One repository that was exported. */
export interface ExportedRepository {
  /** Where it is below `out`: "" for one that is alone. */
  readonly name: string;
  /** The files that changed, but for packs and bundles. */
  readonly written: readonly string[];
  /** The pack that was added. */
  readonly pack?: string;
}

const MAX_PACKS = 8;
const KEEP_OLD_MS = 3_600_000;
const PLACEHOLDER = "https://ADDRESS/";

/**
 * Exports repositories: each to a folder of its own below `out`, or to `out`
 * itself where it is the only one, with what git's clients need of a web server
 * that only hands out files. What has not changed since the last time stays as
 * it is, and whoever reads meanwhile sees each repository as it was or as it is
 * now. Refs that `transfer.hideRefs` hides are left out, with what only they
 * reach. Rejects where one cannot be read, and leaves that one as it was, and
 * with a StorageError "busy" where another export writes to the folder.
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
  const host = { files: NODE_WRITE_FILES, owners: systemOwners() };
  return exportThrough(host, options);
}

/** By what folders are written. */
export interface ExportHost {
  /** Files, which may fail. */
  readonly files: WritableFiles;
  /** Tells whose processes live. */
  readonly owners: Owners;
}

/** The same, by what is given. */
export async function exportThrough(
  host: ExportHost,
  options: ExportOptions,
): Promise<readonly ExportedRepository[]> {
  const { directories } = options;
  const out = absolute(options.out);
  const backend = new FileSystemBackend("/", options);
  const names = namesOf(directories);
  const open = (directory: string) =>
    backend.openDirectory(absolute(directory), "suffixes");
  using _lock = lockFolder(host.files, out, host.owners);
  const [only] = directories;
  if (only !== undefined && directories.length === 1) {
    const { url = PLACEHOLDER } = options;
    const place = { path: out, name: "", title: names[0] as string, url };
    return [
      (await exportOne(host, await open(only), place, options)).exported,
    ];
  }
  const { url = PLACEHOLDER } = options;
  const base = url.replace(/\/*$/, "/");
  const exported: ExportedRepository[] = [];
  const listed: ListedRepository[] = [];
  for (const [i, directory] of directories.entries()) {
    const name = names[i] as string;
    const path = `${out}/${name}`;
    const repository = await open(directory);
    using _lock = lockFolder(host.files, path, host.owners);
    const place = {
      path,
      name,
      title: name,
      url: base + encodeURIComponent(name),
    };
    const done = await exportOne(host, repository, place, options);
    exported.push(done.exported);
    listed.push(done.listed);
  }
  const list = fromUtf8(indexPage({
    kind: "files",
    root: "",
    bases: [base],
    repositories: listed,
    total: listed.length,
    isCut: false,
    query: "",
    page: 1,
    pages: 1,
    user: undefined,
    maySignIn: false,
  }));
  await changeTogether(host.files, out, new Map([["index.html", list]]));
  return exported;
}

/** Where one repository goes. */
interface Place {
  /** Its folder. */
  readonly path: string;
  /** That below the folder that is published. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** Where it is cloned from. */
  readonly url: string;
}

/** What the steps of one export share. */
interface Work {
  readonly repository: Repository;
  readonly snapshot: Snapshot;
  readonly refs: ExportedRefs;
  readonly folder: PublishedFolder;
  readonly kernels: Kernels;
}

async function exportOne(
  { files }: ExportHost,
  repository: Repository,
  { path, name, title, url }: Place,
  options: ExportOptions,
): Promise<{
  readonly exported: ExportedRepository;
  readonly listed: ListedRepository;
}> {
  using snapshot = await repository.snapshot();
  const refs = exportedRefs(repository, snapshot);
  const kernels = defaultKernels(options.logger);
  const folder = new PublishedFolder({
    files,
    path,
    format: repository.format,
    kernels,
    keepOldMs: options.keepOldMs ?? KEEP_OLD_MS,
    now: Date.now,
  });
  await folder.settle();
  const work = { repository, snapshot, refs, folder, kernels };
  const before = folder.read();
  const packs = await packsFor(work, before, options.maxPacks ?? MAX_PACKS);
  const bundles = options.bundle === "all"
    ? await bundlesFor(work, packs, options.url === undefined ? "" : `${url}/`)
    : undefined;
  const overview = exportedOverview(repository, snapshot, refs);
  const page = repositoryPage(
    { kind: "files", root: name === "" ? "" : "../", bases: [url] },
    { path: "/", title, overview },
  );
  const written = await folder.publish({
    listing: refs.listing,
    head: refs.head,
    packs,
    bundles,
    page: fromUtf8(page),
  });
  const [pack] = packs.filter((name) => before?.packs.includes(name) !== true);
  return {
    exported: { name, written, ...(pack === undefined ? {} : { pack }) },
    listed: { path: `/${title}`, overview },
  };
}

/** The packs that hold what the refs reach: those that are there, one more. */
async function packsFor(
  { snapshot, refs: { tips }, folder, kernels, repository }: Work,
  before: PublishedState | undefined,
  maxPacks: number,
): Promise<readonly string[]> {
  if (tips.length === 0) return [];
  const had = before === undefined ? [] : tipsOf(before.listing, before.head);
  if (before !== undefined && had.join() === tips.join()) return before.packs;
  const kept = before !== undefined && before.packs.length < maxPacks
    ? before.packs
    : [];
  const added = kept.length === 0
    ? undefined
    : await inSteps(selectAdded(snapshot, tips, had));
  if (added?.objects.length === 0) return kept;
  const selection = added ?? await inSteps(selectAdded(snapshot, tips, []));
  if (selection === undefined) return [];
  const plan = await inSteps(planExport(snapshot, selection));
  using bytes = plan.open(kernels.hash(repository.format));
  const pack = await folder.addPack(bytes);
  return added === undefined ? [pack] : [...kept, pack];
}

/** A bundle of all that the refs reach, and the list that names it. */
async function bundlesFor(
  work: Work,
  packs: readonly string[],
  base: string,
): Promise<PublishedBundles | undefined> {
  const { refs, folder, kernels, repository: { format } } = work;
  const text = bundleHeader(refs, format);
  if (text === undefined) return undefined;
  const header = fromBinary(text);
  const hash = kernels.hash(SHA1);
  hash.update(header);
  const name = `${toHex(hash.digest())}.bundle`;
  const bundles = { list: bundleList(`${base}bundles/${name}`), names: [name] };
  if (folder.hasBundle(name)) return bundles;
  const [only] = packs;
  if (only !== undefined && packs.length === 1) {
    // It holds what the refs reach, and nothing else.
    await folder.addBundle(name, header, only);
    return bundles;
  }
  const plan = await planAll(work);
  using bytes = plan?.open(kernels.hash(format));
  if (bytes === undefined) return undefined;
  await folder.addBundle(name, header, bytes);
  return bundles;
}

async function planAll(
  { snapshot, refs: { tips } }: Work,
): Promise<PackPlan | undefined> {
  const selection = await inSteps(selectAdded(snapshot, tips, []));
  return selection && await inSteps(planExport(snapshot, selection));
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

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${currentDirectory()}/${path}`;
}
