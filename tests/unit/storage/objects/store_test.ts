import { join } from "node:path";
import { SHA1, SHA256 } from "../../../../src/core/oid.ts";
import { selectKernels } from "../../../../src/kernels/select.ts";
import { openObjectStore } from "../../../../src/storage/objects/source.ts";
import { filePorts } from "../../../contract/file_ports.ts";
import { objectStoreContract } from "../../../contract/object_store.ts";
import { buildFixture } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";

for (const format of [SHA1, SHA256]) {
  objectStoreContract(`packs and loose objects of git, ${format.name}`, () => {
    const repository = join(temporaryDirectory("store"), "store.git");
    buildFixture({ path: repository, format: format.name, pulls: 3 });
    const kernels = selectKernels();
    const ports = filePorts(join(repository, "objects"));
    return {
      open: () => openObjectStore(ports, format, kernels),
      format,
      repository,
      kernels,
    };
  });
}
