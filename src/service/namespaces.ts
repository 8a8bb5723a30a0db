/**
 * Namespaces: many repositories' refs in one. A view of a repository that has
 * one namespace's refs under the names that its clients know, so that the
 * services work on it as on any other.
 *
 * @see https://git-scm.com/docs/gitnamespaces
 * @module
 */

import { printable } from "../core/bytes.ts";
import { UsageError } from "../core/errors.ts";
import { parseRefName, type RefName } from "../core/ref_name.ts";
import type {
  Head,
  ObjectStore,
  RefRecord,
  RefSnapshot,
  Repository,
  Snapshot,
  SnapshotWeight,
} from "../storage/types.ts";

/**
 * The prefix that a value of `GIT_NAMESPACE` stands for, as
 * `SessionTerms.namespace` takes it: "refs/namespaces/a/refs/namespaces/b/" for
 * "a/b", and "" for "". Throws a UsageError in git's words for a value that
 * spells no ref (environment.c: expand_namespace).
 */
export function expandNamespace(value: string): string {
  if (value === "") return "";
  // git splits behind each slash and passes over parts that are one alone: of
  // doubled slashes one counts, and a last one is an error.
  const parts = value.split(/(?<=\/)/).filter((part) => part !== "/");
  const prefix = parts.map((part) => `refs/namespaces/${part}`).join("");
  if (parseRefName(prefix) === undefined) {
    throw new UsageError(
      "bad-namespace",
      `bad git namespace path "${printable(value)}"`,
    );
  }
  return `${prefix}/`;
}

/**
 * `repository` as clients of a namespace see it; itself where `namespace`, the
 * prefix of its refs, is "". Objects are the same in every view.
 */
export function inNamespace(
  repository: Repository,
  namespace: string,
): Repository {
  if (namespace === "") return repository;
  const { format, config, address } = repository;
  return {
    format,
    config,
    ...(address === undefined ? {} : { address }),
    ...(repository.outline === undefined
      ? {}
      : { outline: repository.outline.bind(repository) }),
    async snapshot() {
      return new NamespacedSnapshot(await repository.snapshot(), namespace);
    },
  };
}

/** The refs that a view was made from, and any others as they are. */
export function storedRefs(refs: RefSnapshot): RefSnapshot {
  return refs instanceof NamespacedRefs ? refs.stored : refs;
}

class NamespacedSnapshot implements Snapshot {
  readonly refs: RefSnapshot;
  readonly #stored: Snapshot;
  readonly #namespace: string;

  constructor(stored: Snapshot, namespace: string) {
    this.refs = new NamespacedRefs(stored.refs, namespace);
    this.#stored = stored;
    this.#namespace = namespace;
  }

  get id(): string {
    return `${this.#namespace} ${this.#stored.id}`;
  }

  // Not read before it is asked for: that opens the objects.
  get objects(): ObjectStore {
    return this.#stored.objects;
  }

  get shallow(): Snapshot["shallow"] {
    return this.#stored.shallow;
  }

  weight(): SnapshotWeight {
    return this.#stored.weight?.() ??
      { objects: Infinity, bytes: Infinity, refs: Infinity };
  }

  [Symbol.dispose](): void {
    this.#stored[Symbol.dispose]();
  }
}

/**
 * The refs of one namespace. What lies in it beside `refs/`, its HEAD for one,
 * is in listings of "" as it is in git's `ls-refs`; who wants refs alone asks
 * for "refs/".
 */
class NamespacedRefs implements RefSnapshot {
  readonly head: Head | undefined;
  readonly stored: RefSnapshot;
  readonly #namespace: string;

  constructor(stored: RefSnapshot, namespace: string) {
    this.stored = stored;
    this.#namespace = namespace;
    this.head = this.#readHead();
  }

  get id(): string {
    return `${this.#namespace} ${this.stored.id}`;
  }

  get size(): number {
    let count = 0;
    for (const _ of this.list("refs/")) count++;
    return count;
  }

  get(name: RefName): RefRecord | undefined {
    const record = this.stored.get(this.#full(name));
    return record && this.#strip(record);
  }

  unborn(name: RefName): RefName | undefined {
    return this.#inside(this.stored.unborn?.(this.#full(name)));
  }

  *list(prefix: string): Generator<RefRecord, void, void> {
    for (const record of this.stored.list(this.#full(prefix))) {
      yield this.#strip(record);
    }
  }

  #readHead(): Head | undefined {
    const name = "HEAD" as RefName;
    const record = this.get(name);
    if (record !== undefined) {
      const { oid, target } = record;
      return target === undefined ? { oid } : { oid, target };
    }
    const target = this.unborn(name);
    return target === undefined || target === name ? undefined : { target };
  }

  #full(name: string): RefName {
    return this.#namespace + name as RefName;
  }

  /**
   * The name of a ref within the namespace. Of others nothing is told: git
   * prints "(null)" there, and crashes for a HEAD that leads to one.
   */
  #inside(name: RefName | undefined): RefName | undefined {
    return name?.startsWith(this.#namespace)
      ? name.slice(this.#namespace.length) as RefName
      : undefined;
  }

  #strip({ target: full, ...record }: RefRecord): RefRecord {
    const name = record.name.slice(this.#namespace.length) as RefName;
    const target = this.#inside(full);
    return target === undefined
      ? { ...record, name }
      : { ...record, name, target };
  }
}
