import { refWriterContract } from "../../../contract/ref_writer.ts";
import { fileRefWorld } from "../../../support/ref_worlds.ts";

const LOGGED = { "core.logAllRefUpdates": "always" };

refWriterContract(
  "loose and packed refs",
  () => fileRefWorld(LOGGED),
);

refWriterContract(
  "loose and packed refs that are pressed to the disk",
  () => fileRefWorld(LOGGED, { fsync: "full" }),
);
