/**
 * The formats of archives that a repository offers to clients, and what its
 * configuration says of each.
 *
 * @see https://git-scm.com/docs/git-archive#_configuration
 * @module
 */

/** What is made for a format. */
export type Container = "tar" | "tgz" | "zip";

/** One format. */
export interface ArchiveFormat {
  /** Its name, a binary string: "tar.gz". */
  readonly name: string;
  /** What it is; "foreign" where another program would make it. */
  readonly container: Container | "foreign";
  /** Whether clients may ask for it. */
  isRemote: boolean;
}

/** As much of a configuration as is asked for here. */
export interface FormatConfig {
  /** The last value as a boolean. Throws StorageError "bad-config". */
  boolean(key: string): boolean | undefined;
  /** All keys in order. */
  entries(): Iterable<readonly [string, string]>;
}

const FILTER_KEY = /^tar\.(.+)\.(command|remote)$/s;

/**
 * The formats in the order of `git archive --list`: archive-tar.c,
 * init_tar_archiver. A foreign one is among them where a command is set.
 */
export function archiveFormats(config: FormatConfig): ArchiveFormat[] {
  const filters = new Map<string, ArchiveFormat>([
    ["tgz", { name: "tgz", container: "tgz", isRemote: true }],
    ["tar.gz", { name: "tar.gz", container: "tgz", isRemote: true }],
  ]);
  const hasCommand = new Set(filters.keys());
  for (const [key] of config.entries()) {
    const [, name, what] = FILTER_KEY.exec(key) ?? [];
    if (name === undefined) continue;
    const known = filters.get(name);
    if (known === undefined) {
      filters.set(name, { name, container: "foreign", isRemote: false });
    }
    if (what === "command") hasCommand.add(name);
  }
  for (const format of filters.values()) {
    format.isRemote = config.boolean(`tar.${format.name}.remote`) ??
      format.isRemote;
  }
  return [
    { name: "tar", container: "tar", isRemote: true },
    ...[...filters.values()].filter(({ name }) => hasCommand.has(name)),
    { name: "zip", container: "zip", isRemote: true },
  ];
}
