/**
 * A backend over a fixed set of repositories, by name.
 *
 * @module
 */

import { RefusedError } from "../core/errors.ts";
import type { Backend, Repository } from "../storage/types.ts";

/**
 * Serves the repositories of a dictionary or a Map: "hello.git" is what a
 * client calls `git://host/hello.git`. Names match exactly, with or without
 * slashes in front. A Map may change while it is served.
 *
 * @example Look a repository up
 * ```ts
 * import assert from "node:assert/strict";
 * import { DictBackend, MemoryRepository } from "@gitsrv/gitsrv";
 *
 * const hello = new MemoryRepository();
 * const backend = new DictBackend({ "hello.git": hello });
 * assert.equal(await backend.openRepository("/hello.git"), hello);
 * ```
 */
export class DictBackend implements Backend {
  #find: (name: string) => Repository | undefined;
  #all: () => Iterable<readonly [string, Repository]>;

  /** Serves `repositories`, by name. */
  constructor(
    repositories:
      | Readonly<Record<string, Repository>>
      | ReadonlyMap<string, Repository>,
  ) {
    this.#find = isMap(repositories)
      ? (name) => repositories.get(name)
      : (name) =>
        Object.hasOwn(repositories, name) ? repositories[name] : undefined;
    this.#all = isMap(repositories)
      ? () => repositories
      : () => Object.entries(repositories);
  }

  /**
   * The repository of that name. Rejects with a RefusedError
   * "no-such-repository" where there is none.
   */
  openRepository(path: string): Promise<Repository> {
    const name = path.replace(/^\/+/, "");
    for (const candidate of [path, name, `/${name}`]) {
      const repository = this.#find(candidate);
      if (repository !== undefined) return Promise.resolve(repository);
    }
    return Promise.reject(
      new RefusedError(
        "no-such-repository",
        `'${path}' does not appear to be a git repository`,
      ),
    );
  }

  /** Every name of a repository, which may have several. */
  pathsOf(repository: Repository): readonly string[] {
    return [...this.#all()]
      .filter(([, each]) => each === repository)
      .map(([name]) => pathOf(name));
  }

  /** The names, each with one slash in front. */
  async *listRepositories(): AsyncGenerator<string, "all", void> {
    for (const [name] of this.#all()) yield await Promise.resolve(pathOf(name));
    return "all";
  }
}

function pathOf(name: string): string {
  return `/${name.replace(/^\/+/, "")}`;
}

function isMap(
  repositories:
    | Readonly<Record<string, Repository>>
    | ReadonlyMap<string, Repository>,
): repositories is ReadonlyMap<string, Repository> {
  return repositories instanceof Map;
}
