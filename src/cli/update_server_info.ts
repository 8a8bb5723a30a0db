/**
 * `gitsrv update-server-info`: what a plain web server needs to serve
 * repositories, written into each of them.
 *
 * @see https://git-scm.com/docs/git-update-server-info
 * @module
 */

import { GitsrvError } from "../core/errors.ts";
import type { ProcessIo } from "../core/process.ts";
import { writeInfo } from "../compose/server_info.ts";
import { EXIT } from "./command.ts";
import { fatalLine } from "./fatal.ts";
import { type Asked, openAsked } from "./asked_repository.ts";
import type { ParsedArguments } from "./options.ts";

/** Writes the files of each; resolves to the worst exit code. */
export async function runUpdateServerInfo(
  { options, rest }: ParsedArguments,
  io: ProcessIo,
): Promise<number> {
  const force = options.flag("force");
  let worst: number = EXIT.ok;
  const asked: readonly Asked[] = rest.length === 0
    ? [{ type: "around" }]
    : rest.map((directory) => ({ type: "named", directory }));
  for (const one of asked) {
    worst = Math.max(worst, await update(one, force, io));
  }
  return worst;
}

async function update(
  asked: Asked,
  force: boolean,
  io: ProcessIo,
): Promise<number> {
  try {
    const { repository, named } = await openAsked(asked, io);
    const { failures, complaints } = await writeInfo(repository, {
      force,
      lost: "fails",
    });
    for (const complaint of complaints) io.writeError(`error: ${complaint}\n`);
    for (const { file, why } of failures) {
      const path = named === "" ? file : `${named}/${file}`;
      io.writeError(`error: unable to update ${path}: ${why}\n`);
    }
    return failures.length === 0 ? EXIT.ok : EXIT.failure;
  } catch (error) {
    if (!(error instanceof GitsrvError)) throw error;
    io.writeError(fatalLine(error.message));
    return EXIT.fatal;
  }
}
