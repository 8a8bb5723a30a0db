import { join } from "node:path";
import { SHA1, SHA256 } from "../../../../src/core/oid.ts";
import { selectKernels } from "../../../../src/kernels/select.ts";
import { openObjectStore } from "../../../../src/storage/objects/source.ts";
import { filePorts } from "../../../contract/file_ports.ts";
import { objectStoreContract } from "../../../contract/object_store.ts";
import { buildFixture } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";

// With the walker whatever the size, and without it.
const WAYS = [
  ["by the pack walker", { walkerMinObjects: 0 }],
  ["one by one", { walkerMinObjects: Infinity }],
] as const;

for (const format of [SHA1, SHA256]) {
  const repository = join(temporaryDirectory("store"), "store.git");
  buildFixture({ path: repository, format: format.name, pulls: 3 });
  const kernels = selectKernels();
  const ports = filePorts(join(repository, "objects"));
  for (const [way, options] of WAYS) {
    const label = `packs and loose objects of git, ${format.name}, read ${way}`;
    objectStoreContract(label, () => ({
      open: () => openObjectStore(ports, format, kernels, options),
      format,
      repository,
      kernels,
    }));
  }
}
