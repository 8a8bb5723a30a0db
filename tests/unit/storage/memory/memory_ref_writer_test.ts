import { type Oid, SHA1 } from "../../../../src/core/oid.ts";
import type { RefName } from "../../../../src/core/ref_name.ts";
import { MemoryRefs } from "../../../../src/storage/memory/memory_refs.ts";
import { MemoryRefWriter } from "../../../../src/storage/memory/memory_ref_writer.ts";
import { refWriterContract } from "../../../contract/ref_writer.ts";

const id = (digit: string) => digit.repeat(40) as Oid;

refWriterContract("a map", () => {
  const refs = new MemoryRefs();
  return Promise.resolve({
    writer: new MemoryRefWriter(refs, SHA1),
    commits: [id("a"), id("b"), id("c"), id("d")],
    read() {
      const all = [...refs.now().list("refs/")].map(({ name, oid }) => {
        const raw = refs.raw(name);
        const value = raw !== undefined && "symref" in raw
          ? `ref: ${raw.symref}`
          : oid;
        return [name, value] as const;
      });
      return Promise.resolve(new Map<string, string>(all));
    },
    setSymbolic(name, target) {
      refs.setSymbolic(name as RefName, target as RefName);
      return Promise.resolve();
    },
  });
});
