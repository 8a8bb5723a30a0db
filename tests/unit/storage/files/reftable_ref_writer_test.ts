/**
 * The writer of reftables under the contract of all writers of refs.
 *
 * @module
 */

import { join } from "node:path";
import type { Oid } from "../../../../src/core/oid.ts";
import { refWriterContract } from "../../../contract/ref_writer.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { makeStack, openWorld } from "../../../support/reftable_world.ts";

const root = temporaryDirectory("reftable-writer");
const COMMITS = ["1", "2", "3", "4"].map((digit) => digit.repeat(40)) as [
  Oid,
  Oid,
  Oid,
  Oid,
];
let count = 0;

refWriterContract("reftables", async () => {
  const path = join(root, `${count++}.git`);
  makeStack(path);
  const world = openWorld(path);
  await world.setSymbolic("HEAD", "refs/heads/main");
  return {
    writer: world.writer,
    commits: COMMITS,
    read: () => Promise.resolve(world.refs()),
    setSymbolic: (name, target) => world.setSymbolic(name, target),
    log: (name) => Promise.resolve(world.log(name)),
  };
});
