/**
 * The values that `parseArgs` gathers, with `a.b.c` as nested objects.
 *
 * Only own properties are read, and all are defined rather than assigned, so
 * that a flag named `--__proto__.x` or `--constructor.x` is data and nothing
 * else.
 *
 * @module
 */

/** A set of flag names. */
export type Names = ReadonlySet<string>;

type Tree = Record<string, unknown>;

/** A growing tree of values, addressed by dotted names. */
export class ResultTree {
  readonly #root: Tree = {};

  /** Puts a value in place of what stood there. */
  set(name: string, value: unknown): void {
    const { parent, key } = this.#place(name);
    define(parent, key, value);
  }

  /** Adds a value to the list that stands there, or starts one. */
  append(name: string, value: unknown): void {
    const { parent, key } = this.#place(name);
    const old = own(parent, key);
    if (Array.isArray(old)) old.push(value);
    else define(parent, key, old === undefined ? [value] : [old, value]);
  }

  /** Whether a value stands there. */
  has(name: string): boolean {
    let at: unknown = this.#root;
    for (const part of name.split(".")) {
      if (!isTree(at) || !Object.hasOwn(at, part)) return false;
      at = at[part];
    }
    return true;
  }

  /** The tree itself. */
  get root(): Tree {
    return this.#root;
  }

  #place(name: string): { parent: Tree; key: string } {
    const parts = name.split(".");
    const key = parts.pop() ?? "";
    let parent = this.#root;
    for (const part of parts) {
      const child = own(parent, part);
      const next: Tree = isTree(child) ? child : {};
      define(parent, part, next);
      parent = next;
    }
    return { parent, key };
  }
}

function own(tree: Tree, key: string): unknown {
  return Object.hasOwn(tree, key) ? tree[key] : undefined;
}

function define(tree: Tree, key: string, value: unknown): void {
  Object.defineProperty(tree, key, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
