/**
 * `gitsrv export`: folders that any web server can hand out to git's clients.
 *
 * @module
 */

import {
  type ExportedRepository,
  type ExportOptions,
  exportRepositories,
} from "../compose/export.ts";
import {
  GitsrvError,
  messageOf,
  StorageError,
  UsageError,
} from "../core/errors.ts";
import type { ProcessIo } from "../core/process.ts";
import { checkPublished } from "../server/check_published.ts";
import { EXIT } from "./command.ts";
import type { ParsedArguments } from "./options.ts";

/** Between two looks whether something has changed. */
const WATCH_MS = 1000;
const CHECK_MS = 30_000;

/** Exports, and says what it wrote. Throws a UsageError "usage". */
export async function runExport(
  { options, rest }: ParsedArguments,
  io: ProcessIo,
): Promise<number> {
  const checked = options.text("check");
  if (checked !== undefined) return await check(checked, rest, io);
  const out = options.text("out");
  const url = options.text("url");
  const keepOld = options.integer("keep-old");
  if (out === undefined) throw new UsageError("usage", "--out is missing");
  if (rest.length === 0) {
    throw new UsageError("usage", "there is no repository to export");
  }
  const settings: ExportOptions = {
    directories: rest,
    out,
    env: io.env,
    logger: {
      log(level, message) {
        if (level !== "error" && level !== "warn") return;
        io.writeError(`${level === "warn" ? "warning" : level}: ${message}\n`);
      },
    },
    ...(url === undefined ? {} : { url }),
    ...(keepOld === undefined ? {} : { keepOldMs: keepOld * 1000 }),
    bundle: options.flag("bundle") ? "all" : "none",
  };
  await tell(await exportRepositories(settings), out, io, "all");
  if (options.flag("watch")) await watch(settings, io);
  return EXIT.ok;
}

/** Exports again and again; what fails is told once, and tried again. */
async function watch(settings: ExportOptions, io: ProcessIo): Promise<void> {
  const stop = new AbortController();
  const forget = io.onSignal(
    ["SIGTERM", "SIGINT"],
    () => stop.abort(),
  );
  const { signal } = stop;
  let failure = "";
  try {
    for (;;) {
      await pause(WATCH_MS, signal);
      if (signal.aborted) return;
      try {
        const exported = await exportRepositories(settings);
        await tell(exported, settings.out, io, "changed");
        failure = "";
      } catch (error) {
        if (!(error instanceof GitsrvError)) throw error;
        if (error.message !== failure) {
          io.writeError(`error: ${error.message}\n`);
        }
        failure = error.message;
      }
    }
  } finally {
    forget();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

async function tell(
  exported: readonly ExportedRepository[],
  out: string,
  io: ProcessIo,
  which: "all" | "changed",
): Promise<void> {
  for (const { name, written, pack } of exported) {
    const where = name === "" ? out : `${out}/${name}`;
    const files = pack === undefined ? written : [pack, ...written];
    if (files.length === 0 && which === "changed") continue;
    const what = files.length === 0 ? "nothing new" : files.join(", ");
    await io.writeOut(`${where}: ${what}\n`);
  }
}

/** Looks at what a web server makes of a folder. */
async function check(
  url: string,
  rest: readonly string[],
  io: ProcessIo,
): Promise<number> {
  if (rest.length > 0) {
    throw new UsageError("usage", "--check takes no directory");
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError("usage", `'${url}' is no URL of a web server`);
  }
  const found = await checkPublished(url, { fetch, timeoutMs: CHECK_MS })
    .catch((error: unknown) => {
      throw new StorageError(
        "no-answer",
        `cannot read '${url}': ${messageOf(error)}`,
      );
    });
  for (const fault of found.faults) io.writeError(`error: ${fault}\n`);
  if (found.faults.length > 0) return EXIT.failure;
  await io.writeOut(`${url}: ${found.refs} refs, ${found.packs} packs\n`);
  return EXIT.ok;
}
