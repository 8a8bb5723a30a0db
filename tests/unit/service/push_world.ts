/**
 * A repository in memory that takes pushes, whose packs are placeholders: what
 * a pack brings is said by the test. For tests of receive-pack's own steps.
 *
 * @module
 */

import { MemoryRepository } from "../../../src/compose.ts";
import { fromBinary } from "../../../src/core/bytes.ts";
import type { ObjectFormat, Oid } from "../../../src/core/oid.ts";
import type { RefName } from "../../../src/core/ref_name.ts";
import { NO_HOOKS } from "../../../src/service/receive_pack/push_hooks.ts";
import type {
  PushHooks,
} from "../../../src/service/receive_pack/push_hooks.ts";
import { receivePack } from "../../../src/service/receive_pack/service.ts";
import type { Service, SessionTerms } from "../../../src/service/types.ts";
import type { Repository, Snapshot } from "../../../src/storage/types.ts";
import type {
  Quarantine,
  RefTransactionOptions,
  RefUpdate,
  RefWriter,
  RepositoryWriter,
} from "../../../src/storage/writes.ts";
import { pkt, pkts, type Talk, talk, type TalkOptions, unpkt } from "./talk.ts";

/** What stands for a pack of so many objects. */
export function packOf(count: number): string {
  const digits = String.fromCharCode(
    ...[24, 16, 8, 0].map((shift) => (count >>> shift) & 255),
  );
  return `PACK\0\0\0\x02${digits}[a pack]`;
}

/** The repository, and what was done to it. */
export class PushWorld implements Repository {
  readonly memory: MemoryRepository;
  readonly format: ObjectFormat;
  readonly config: Repository["config"];
  /** What was asked of the storage, in order. */
  readonly log: string[] = [];
  /** What the next pack brings. */
  bring: () => void = () => {};
  /** What the next quarantine fails with. */
  fault: unknown;
  /** What is checked out. */
  checkouts: RefName[] = [];
  /** What alternates' refs name. */
  borrowed: Oid[] = [];
  /** Roots of this repository. */
  shallow: Oid[] = [];

  constructor(config: Record<string, string | boolean | number> = {}) {
    this.memory = new MemoryRepository({ config });
    this.format = this.memory.format;
    this.config = this.memory.config;
  }

  async snapshot(): Promise<Snapshot> {
    const { shallow } = this;
    return { ...await this.memory.snapshot(), shallow };
  }

  checkedOut(): readonly RefName[] {
    return this.checkouts;
  }

  borrowedTips(): readonly Oid[] {
    return this.borrowed;
  }

  writer(): Promise<RepositoryWriter> {
    const { log } = this;
    const inner = this.memory.refWriter;
    const refs: RefWriter = {
      apply: async (
        updates: readonly RefUpdate[],
        options: RefTransactionOptions,
      ) => {
        const kind = options.atomic ? "atomic" : "each";
        log.push(`${kind} ${updates.map(({ name }) => name).join(" ")}`);
        return await inner.apply(updates, options);
      },
    };
    return Promise.resolve({
      refs,
      openQuarantine: () => {
        log.push("open");
        return this.fault === undefined
          ? Promise.resolve(this.#quarantine())
          : Promise.reject(this.fault);
      },
      updateServerInfo: () => {
        log.push("info");
        return Promise.resolve({ written: [], failures: [], complaints: [] });
      },
      addShallow: (commits: readonly Oid[]) => {
        this.shallow.push(...commits);
        return Promise.resolve(void log.push("shallow"));
      },
    });
  }

  #quarantine(): Quarantine {
    const { log } = this;
    return {
      environment: { GIT_QUARANTINE_PATH: "here" },
      receive: async (input) => {
        const length = packOf(0).length;
        const into = new Uint8Array(length);
        for (let have = 0; have < length;) {
          const count = await input.read(into.subarray(have));
          if (count === 0) break;
          have += count;
        }
        this.bring();
        log.push("receive");
        const bytes = length;
        return { objects: 1, bytes, completed: 0, isPack: false };
      },
      snapshot: () => this.snapshot(),
      publish: () => Promise.resolve(void log.push("publish")),
      [Symbol.asyncDispose]: () => Promise.resolve(void log.push("gone")),
    };
  }

  /** A commit of its own, on top of others. */
  commit(message: string, ...parents: readonly Oid[]): Oid {
    const blob = this.memory.addBlob(message);
    const tree = this.memory.addTree([
      { mode: 0o100644, name: "file", oid: blob },
    ]);
    return this.memory.addCommit({
      tree,
      parents,
      author: { name: "A", email: "a@example.com", time: 1_767_225_600 },
      message: `${message}\n`,
    });
  }

  /** What a ref is. */
  async ref(name: string): Promise<Oid | undefined> {
    using snapshot = await this.memory.snapshot();
    return snapshot.refs.get(name as RefName)?.oid;
  }
}

/** A push as a client makes it. */
export interface TestPush {
  /** Old value, new value, name. */
  readonly commands: readonly (readonly [string, string, string])[];
  /** Capabilities; all that matter unless told. */
  readonly capabilities?: string;
  /** Lines before the commands. */
  readonly shallow?: readonly Oid[];
  /** Push options. */
  readonly options?: readonly string[];
  /** What follows; a pack of one object unless told. */
  readonly pack?: string;
  /** Hooks. */
  readonly hooks?: Partial<PushHooks>;
  /** What was settled. */
  readonly terms?: Partial<SessionTerms>;
}

/** What came of it. */
export interface Pushed extends Talk {
  /** The report's lines. */
  readonly report: readonly string[];
  /** What was said on band 2. */
  readonly messages: string;
  /** What was said on band 3. */
  readonly fatal: string;
}

/** The usual capabilities. */
export const CAPABILITIES = "report-status side-band-64k quiet";

/** The request of a push. */
export function requestOf(push: TestPush): string {
  const { capabilities = CAPABILITIES, shallow = [] } = push;
  const lines = push.commands.map(([old, to, name], i) =>
    `${old} ${to} ${name}${i === 0 ? `\0 ${capabilities}` : ""}`
  );
  const options = push.options === undefined
    ? ""
    : pkts(...push.options, "0000");
  const roots = shallow.map((oid) => pkt(`shallow ${oid}\n`)).join("");
  return roots + pkts(...lines, "0000") + options + (push.pack ?? packOf(1));
}

/** Pushes. The advertisement is left out of what came of it. */
export async function push(
  world: PushWorld,
  asked: TestPush,
  options: TalkOptions = {},
): Promise<Pushed> {
  const hooks = { ...NO_HOOKS, ...asked.hooks };
  const service: Service = (context) =>
    receivePack({
      ...context,
      hooks: { open: () => Promise.resolve(hooks) },
    });
  const came = await talk(world, requestOf(asked), {
    service,
    ...options,
    terms: { stateless: true, ...asked.terms },
  });
  const packets = unpkt(came.said);
  const bands = (asked.capabilities ?? CAPABILITIES).includes("side-band");
  const band = (which: string): string =>
    packets.filter((each) => each.startsWith(which))
      .map((each) => each.slice(1)).join("");
  const report = bands ? unpkt(band("\x01")) : packets;
  return {
    ...came,
    report: report.filter((each) => each !== "0000").map((each) =>
      each.trimEnd()
    ),
    messages: bands ? band("\x02") : "",
    fatal: bands ? band("\x03") : "",
  };
}

/** Bytes of text, as hooks print it. */
export const printed = (text: string): Uint8Array => fromBinary(text);
