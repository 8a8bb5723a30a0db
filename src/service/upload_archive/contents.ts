/**
 * The contents of an archive's entries: blobs, converted as a checkout would
 * convert them, with their formats expanded (archive.c: write_archive_entry).
 *
 * @module
 */

import { convertForCheckout, type LineEnds } from "../../archive/convert.ts";
import { type ArchiveEntry, NO_BYTES } from "../../archive/entry.ts";
import { CommitFormatter } from "../../archive/format_subst.ts";
import type { Chosen } from "../../archive/walk.ts";
import type { Oid } from "../../core/oid.ts";
import {
  MODE_FILE,
  MODE_GITLINK,
  MODE_TREE,
  MODE_TYPE,
} from "../../object/tree.ts";
import type { ConfigView, ObjectStore } from "../../storage/types.ts";
import type { Conversation } from "../conversation.ts";
import { type FileAttributes, fileAttributes } from "./attributes.ts";
import { CommitSources } from "./commit_sources.ts";
import type { ArchiveObjects } from "./objects.ts";

/** `core.bigFileThreshold` where nothing is configured. */
const BIG_FILE_BYTES = 512 * 1024 * 1024;

/** What contents are made from. */
export interface ContentsInit {
  /** Where blobs are. */
  readonly objects: ArchiveObjects;
  /** The store that they are of. */
  readonly store: ObjectStore;
  /** The commit that is archived, where it is one. */
  readonly commit: Oid | undefined;
  /** Takes what git would print to standard error, a line each. */
  readonly say: (line: string) => void;
}

/** The part of an entry that its content tells. */
export type EntryContent = Pick<
  ArchiveEntry,
  "data" | "isStreamed" | "isBinary"
>;

const NOTHING: EntryContent = { data: NO_BYTES, isStreamed: false };

/** Makes the contents of one archive's entries. */
export class Contents {
  readonly #init: ContentsInit;
  readonly #config: ConfigView;
  readonly #lineEnds: LineEnds;
  readonly #threshold: number;
  readonly #conversation: Conversation;
  #formatter: CommitFormatter | undefined;

  /** Reads the configuration. */
  constructor(conversation: Conversation, init: ContentsInit) {
    const { config } = conversation.context.repository;
    this.#init = init;
    this.#config = config;
    this.#lineEnds = lineEnds(config);
    this.#threshold = config.integer("core.bigfilethreshold") ??
      BIG_FILE_BYTES;
    this.#conversation = conversation;
  }

  /** The content of one entry. Throws StorageError "unreadable-object". */
  async of({ path, mode, oid, attributes }: Chosen): Promise<EntryContent> {
    const type = mode & MODE_TYPE;
    if (type === MODE_TREE || type === MODE_GITLINK) return NOTHING;
    const file = fileAttributes(attributes);
    const binary = this.#isBinary(file);
    const content = (data: Uint8Array, isStreamed = false): EntryContent => ({
      data,
      isStreamed,
      ...(binary === undefined ? {} : { isBinary: binary }),
    });
    const data = this.#init.objects.blob(oid);
    if (type !== MODE_FILE) return content(data);
    if (data.length > this.#threshold && !file.exportSubst) {
      const isStreamed = true;
      return content(data, isStreamed);
    }
    const converted = convertForCheckout(data, {
      attributes: file,
      lineEnds: this.#lineEnds,
      oid,
      path,
      complain: this.#init.say,
    });
    return content(
      file.exportSubst ? await this.#expanded(converted) : converted,
    );
  }

  /** A tree alone has nothing that formats could tell. */
  async #expanded(data: Uint8Array): Promise<Uint8Array> {
    const { commit, objects, store, say } = this.#init;
    if (commit === undefined) return data;
    this.#formatter ??= new CommitFormatter(
      new CommitSources(this.#conversation, {
        ...{ oid: commit, objects, store, warn: say },
      }),
    );
    return await this.#formatter.expand(data);
  }

  /** userdiff.c: userdiff_find_by_path, as far as this is asked. */
  #isBinary({ diff }: FileAttributes): boolean | undefined {
    if (typeof diff === "boolean") return !diff;
    if (diff === undefined) return this.#config.boolean("diff.default.binary");
    return this.#config.boolean(`diff.${diff}.binary`);
  }
}

function lineEnds(config: ConfigView): LineEnds {
  const autocrlf = config.get("core.autocrlf");
  const eol = config.get("core.eol")?.toLowerCase();
  return {
    autocrlf: autocrlf?.toLowerCase() === "input"
      ? "input"
      : config.boolean("core.autocrlf") === true
      ? "true"
      : "false",
    ...(eol === "lf" || eol === "crlf" ? { eol } : {}),
  };
}
