/**
 * Packs and loose objects of a directory, read plainly with `node:fs`: what
 * the object store is tested over. Not the product's own file storage.
 *
 * @module
 */

import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
} from "node:fs";
import { join } from "node:path";
import type { Oid } from "../../src/core/oid.ts";
import type {
  LooseStore,
  ObjectPorts,
  PackStore,
  RandomAccess,
} from "../../src/storage/ports.ts";

/** Ports that count what is open, for tests of ownership. */
export interface FilePorts extends ObjectPorts {
  /** Pack files that are open now. */
  readonly openFiles: () => number;
  /** Indexes that were read so far. */
  readonly indexesRead: () => number;
}

/** The ports of an `objects` directory. */
export function filePorts(objects: string): FilePorts {
  let open = 0;
  let indexes = 0;
  const directory = join(objects, "pack");
  const packs: PackStore = {
    scan() {
      const names = list(directory).filter((name) => name.endsWith(".idx"))
        .sort();
      return {
        stamp: names.join(),
        packs: names.map((name) => ({
          name,
          index() {
            indexes++;
            return read(join(directory, name));
          },
          open(): RandomAccess | undefined {
            const path = join(directory, name.replace(/idx$/, "pack"));
            if (!existsSync(path)) return undefined;
            open++;
            return openFile(path, () => void open--);
          },
        })),
      };
    },
  };
  return {
    packs,
    loose: looseStore(objects),
    openFiles: () => open,
    indexesRead: () => indexes,
  };
}

function looseStore(objects: string): LooseStore {
  return {
    scan() {
      const oids: Oid[] = [];
      for (const fan of list(objects)) {
        if (!/^[0-9a-f]{2}$/.test(fan)) continue;
        for (const rest of list(join(objects, fan))) {
          oids.push(`${fan}${rest}` as Oid);
        }
      }
      oids.sort();
      return { stamp: oids.join(), oids };
    },
    read: (oid) => read(join(objects, oid.slice(0, 2), oid.slice(2))),
  };
}

function openFile(path: string, onClose: () => void): RandomAccess {
  const file = openSync(path, "r");
  let isOpen = true;
  return {
    size: fstatSync(file).size,
    readAt(into, position) {
      let total = 0;
      while (total < into.length) {
        const rest = into.length - total;
        const count = readSync(file, into, total, rest, position + total);
        if (count === 0) break;
        total += count;
      }
      return total;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      closeSync(file);
      onClose();
    },
  };
}

function list(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

function read(path: string): Uint8Array | undefined {
  return existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined;
}
