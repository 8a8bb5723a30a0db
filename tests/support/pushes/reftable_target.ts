/**
 * Repositories to push to whose refs are in reftables, which the git that tests
 * compare with does not read: ours read them, and are compared with files.
 *
 * @module
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileSystemBackend } from "../../../src/compose/files.ts";
import { gitSync } from "../git.ts";
import { convertToReftable, encodeReftable, writeStack } from "../reftable.ts";

/** Puts the refs of a bare repository into a table. */
export function storeInReftable(directory: string): void {
  const ask = (...args: string[]) => gitSync(args, { cwd: directory }).trim();
  const refs = ask(
    "for-each-ref",
    "--format=%(refname) %(objectname) %(*objectname)",
  )
    .split("\n").map((line) => {
      const [name, oid, peeled] = line.split(" ") as [string, string, string];
      return { name, oid, ...(peeled === "" ? {} : { peeled }) };
    });
  const head = { name: "HEAD", symref: ask("symbolic-ref", "HEAD") };
  const config = readFileSync(join(directory, "config"), "utf8");
  convertToReftable(directory);
  const storage = readFileSync(join(directory, "config"), "utf8");
  const rest = config.replaceAll("repositoryformatversion = 0\n", "\n");
  writeFileSync(join(directory, "config"), rest + storage);
  const table = encodeReftable([head, ...refs], { blockSize: 4096 });
  writeStack(directory, [{
    name: "0x000000000001-0x000000000009-abcdef01.ref",
    bytes: table.bytes,
  }]);
}

/** Refs of a repository by name, as we read them, and what its hooks heard. */
export async function refsOf(
  directory: string,
): Promise<Record<string, string>> {
  const repository = await new FileSystemBackend(directory)
    .openDirectory(directory, "strict");
  using snapshot = await repository.snapshot();
  const state: Record<string, string> = {};
  for (const { name, oid } of snapshot.refs.list("refs/")) state[name] = oid;
  const log = join(directory, "hooks.log");
  if (existsSync(log)) {
    state["hooks.log"] = readFileSync(log, "latin1")
      .replaceAll(directory, "DIR");
  }
  return state;
}
