/**
 * A history that the real git has packed, as bytes in memory.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ObjectFormat } from "../../../../src/core/oid.ts";
import { buildFixture } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { gitSync } from "../../../support/git.ts";
import type { MadePack } from "./made_packs.ts";

/** Packs in memory. */
export interface Packed {
  /** Their format. */
  readonly format: ObjectFormat;
  /** The packs. */
  readonly packs: readonly MadePack[];
}

/** The fixture in one pack of long chains. */
export function packedFixture(format: ObjectFormat, ofsDelta: string): Packed {
  const path = join(temporaryDirectory("walker"), "walker.git");
  buildFixture({ path, format: format.name, pulls: 3 });
  gitSync(["config", "repack.useDeltaBaseOffset", ofsDelta], { cwd: path });
  gitSync(["repack", "-a", "-d", "-f", "-q", "--depth=40"], { cwd: path });
  const directory = join(path, "objects", "pack");
  const packs = readdirSync(directory)
    .filter((name) => name.endsWith(".idx"))
    .map((name) => ({
      index: new Uint8Array(readFileSync(join(directory, name))),
      pack: new Uint8Array(
        readFileSync(join(directory, name.replace(/idx$/, "pack"))),
      ),
      offsets: [],
    }));
  return { format, packs };
}
