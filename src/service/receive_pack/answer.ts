/**
 * One push, from the advertisement to the last hook.
 *
 * builtin/receive-pack.c: cmd_receive_pack, execute_commands.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_pushing_data_to_a_server
 * @module
 */

import { printable } from "../../core/bytes.ts";
import { RefusedError, StorageError } from "../../core/errors.ts";
import type { RefName } from "../../core/ref_name.ts";
import { fsckRules } from "../../object/fsck/settings.ts";
import type { Snapshot } from "../../storage/types.ts";
import type { Quarantine, RepositoryWriter } from "../../storage/writes.ts";
import {
  isDeleteOnly,
  type ReceiveFeatures,
  type ReceiveRequest,
} from "../../wire/receive_request.ts";
import { encodeReport } from "../../wire/report_status.ts";
import { FLUSH } from "../../pktline/packet.ts";
import type { Conversation } from "../conversation.ts";
import { hiddenRefs } from "../hidden_refs.ts";
import { noteClientSession } from "../session_id.ts";
import { advertisePush } from "./advertise.ts";
import { checkAliases } from "./aliases.ts";
import { Band, errorLine } from "./band.ts";
import { Command, failAll, isFunnyName } from "./commands.ts";
import {
  executeAtomic,
  executeEach,
  type ExecuteInit,
  NOT_MIGRATED,
} from "./execute.ts";
import { findFacts, findReused } from "./facts.ts";
import { COMMAND_ROOM } from "./held_commands.ts";
import { committerAt, type PushOrigin } from "./identity.ts";
import { PackSource } from "./pack_source.ts";
import { procReceiveMatcher } from "./proc_receive.ts";
import type { Push, PushHooks } from "./push_hooks.ts";
import { readRequest } from "./request.ts";
import { type ReceiveSettings, receiveSettings } from "./settings.ts";
import { type ClientRoots, sortRoots } from "./shallow_push.ts";
import { noteFault, unpack } from "./unpack.ts";

/** Talks to one client. A stateless one has the advertisement by itself. */
export async function answerPush(
  conversation: Conversation,
  origin: PushOrigin,
): Promise<void> {
  const { context, stored } = conversation;
  const { advertiseOnly, stateless } = context.terms;
  const settings = receiveSettings(stored.config);
  for (const warning of settings.fsck.warnings) {
    context.logger.log("warn", printable(warning));
  }
  const writer = await stored.writer?.();
  if (writer === undefined) {
    throw new RefusedError("read-only", "this repository can only be read");
  }
  using before = await (writer.snapshot?.() ?? stored.snapshot());
  if (advertiseOnly || !stateless) {
    await advertisePush(conversation, before, settings);
    await conversation.writer.send();
  }
  if (advertiseOnly) return;
  using held = COMMAND_ROOM.open();
  const read = await readRequest(conversation, settings, held);
  if (read === undefined || read.request.commands.length === 0) return;
  const { request, options } = read;
  noteClientSession(context, request.features.sessionId);
  const hooks = await context.hooks?.open(context);
  await new PushSession(conversation, {
    ...{ settings, writer, request, options, origin, before, hooks },
  }).run();
}

interface PushSessionInit {
  readonly settings: ReceiveSettings;
  readonly writer: RepositoryWriter;
  readonly request: ReceiveRequest;
  readonly options: readonly string[] | undefined;
  readonly origin: PushOrigin;
  readonly before: Snapshot;
  readonly hooks: PushHooks | undefined;
}

class PushSession {
  readonly #conversation: Conversation;
  readonly #init: PushSessionInit;
  readonly #features: ReceiveFeatures;
  readonly #commands: readonly Command[];
  readonly #band: Band;
  readonly #source: PackSource;
  readonly #hooks: PushHooks | undefined;
  readonly #roots: ClientRoots;

  constructor(conversation: Conversation, init: PushSessionInit) {
    this.#conversation = conversation;
    this.#init = init;
    this.#features = init.request.features;
    this.#commands = init.request.commands.map((each) => new Command(each));
    this.#band = new Band(conversation, {
      hasBands: this.#features.sideBand,
      keepAliveMs: init.settings.keepAliveMs,
    });
    this.#source = new PackSource(conversation);
    this.#hooks = init.hooks;
    const { shallow } = init.request;
    this.#roots = shallow.length === 0
      ? { ours: [], theirs: [] }
      : sortRoots(shallow, init.before);
  }

  async run(): Promise<void> {
    const band = this.#band;
    const hasPack = !isDeleteOnly(this.#init.request.commands);
    let status = "ok";
    let isCut = false;
    if (hasPack && await this.#isHopeless()) {
      isCut = true;
    } else if (hasPack) {
      const taken = await this.#unpack();
      if (taken.type === "refused") {
        status = taken.status;
        isCut = true;
        failAll(this.#commands, "unpacker error");
      } else {
        await using quarantine = taken.quarantine;
        using after = await quarantine.snapshot();
        await this.#execute(after, quarantine);
      }
    } else {
      await this.#execute(this.#init.before, undefined);
    }
    await this.#report(status);
    await this.#afterwards();
    if (band.hasBands) await band.raw(FLUSH);
    // A client that is still sending must get to read what was said.
    if (isCut) await this.#source.drain();
    band.check();
  }

  /**
   * Whether no name can ever be one. git would take the pack in before it says
   * so: what is said is the same.
   */
  async #isHopeless(): Promise<boolean> {
    const isAtomic = this.#features.atomic;
    const funny = this.#commands.filter(({ name }) => isFunnyName(name));
    const isHopeless = isAtomic
      ? funny.length > 0
      : funny.length === this.#commands.length;
    if (!isHopeless) return false;
    for (const command of isAtomic ? funny.slice(0, 1) : funny) {
      await this.#band.say(errorLine(
        `refusing to create funny ref '${command.name}' remotely`,
      ));
      command.error = "funny refname";
    }
    failAll(this.#commands, "atomic push failure");
    return true;
  }

  async #unpack() {
    const { settings, writer } = this.#init;
    const { context, stored, pacer } = this.#conversation;
    return await unpack({
      ...{ context, settings, writer, pacer },
      roots: this.#roots.ours.length + this.#roots.theirs.length > 0
        ? this.#init.request.shallow
        : [],
      source: this.#source,
      band: this.#band,
      isQuiet: this.#features.quiet || context.terms.quiet === true,
      keep: this.#init.origin.keep,
      seenBy: this.#hooks === undefined
        ? "nobody"
        : this.#hooks.quarantineSeenBy ?? "programs",
      fsck: () =>
        settings.fsck.isEnabled
          ? fsckRules(
            settings.fsck,
            stored.format,
            (path) => stored.readNamed?.(path),
          )
          : undefined,
    });
  }

  /** Everything between the pack and the report. */
  async #execute(
    after: Snapshot,
    quarantine: Quarantine | undefined,
  ): Promise<void> {
    const { settings } = this.#init;
    const commands = this.#commands;
    const band = this.#band;
    await findFacts({
      ...{ commands, after, roots: this.#roots, settings, band },
      borrowed: this.#conversation.stored.borrowedTips?.() ?? [],
      pacer: this.#conversation.pacer,
    });
    this.#rejectHidden();
    this.#markProcReceive();
    if (!await this.#preReceive(quarantine)) {
      return failAll(commands, "pre-receive hook declined");
    }
    if (commands.every(({ error }) => error !== undefined)) return;
    if (quarantine !== undefined && !await this.#publish(quarantine)) return;
    let isNamed = false;
    try {
      await this.#carryOut(after, () => this.#secure(after, quarantine));
      isNamed = commands.every(({ error }) => error === undefined);
    } finally {
      if (!isNamed) quarantine?.unnamed?.();
    }
  }

  /** builtin/receive-pack.c: reject_updates_to_hidden. */
  #rejectHidden(): void {
    const hidden = hiddenRefs(this.#conversation.context, "receive");
    if (hidden.isEmpty) return;
    for (const command of this.#commands) {
      if (command.error !== undefined || !hidden.hides(command.name)) continue;
      const verb = command.isDelete ? "deleting" : "updating";
      command.error = `deny ${verb} a hidden ref`;
    }
  }

  #markProcReceive(): void {
    const { procReceiveRefs } = this.#init.settings;
    if (procReceiveRefs.length === 0) return;
    const matches = procReceiveMatcher(procReceiveRefs);
    for (const command of this.#commands) {
      command.isForProcReceive = command.isOpen && matches(command);
    }
  }

  async #preReceive(quarantine: Quarantine | undefined): Promise<boolean> {
    const hooks = this.#hooks;
    if (hooks === undefined) return true;
    const { context } = this.#conversation;
    try {
      return await this.#band.during(hooks.preReceive(
        this.#push(this.#commands),
        quarantine?.environment ?? {},
        (bytes) => this.#band.say(bytes),
      ));
    } catch (error) {
      context.signal.throwIfAborted();
      noteFault(context, "Cannot run the hook pre-receive", error);
      return false;
    }
  }

  /** Whether the objects are everybody's now. */
  async #publish(quarantine: Quarantine): Promise<boolean> {
    const { context } = this.#conversation;
    // Nobody is left who waits for it.
    this.#band.check();
    context.signal.throwIfAborted();
    try {
      await this.#band.during(quarantine.publish());
      return true;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      noteFault(context, "Cannot publish objects", error);
      failAll(this.#commands, NOT_MIGRATED);
      return false;
    }
  }

  /** Whether what was published is there to stay. */
  async #secure(
    after: Snapshot,
    quarantine: Quarantine | undefined,
  ): Promise<boolean> {
    if (quarantine?.secure === undefined) return true;
    const { stored, pacer } = this.#conversation;
    const commands = this.#commands;
    const secured = quarantine.secure(async (isBrought, limit) => {
      const borrowed = stored.borrowedTips?.() ?? [];
      // The refs as they were, and the objects wherever they are now.
      using now = await quarantine.snapshot();
      const { refs, shallow } = after;
      return await findReused(
        {
          ...{ commands, borrowed, pacer },
          after: { refs, shallow, objects: now.objects },
        },
        isBrought,
        limit,
      );
    });
    try {
      await this.#band.during(secured);
      return true;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      const { context } = this.#conversation;
      noteFault(context, "Cannot secure objects", error);
      return false;
    }
  }

  async #carryOut(
    { refs, objects }: Snapshot,
    secure: () => Promise<boolean>,
  ): Promise<void> {
    const { settings, writer, origin } = this.#init;
    const { context, stored } = this.#conversation;
    const { namespace } = context.terms;
    const commands = this.#commands;
    const band = this.#band;
    const ground = {
      ...{ refs, namespace, settings },
      checkedOut: new Set(stored.checkedOut?.() ?? []),
      head: refs.head?.target,
    };
    await checkAliases(commands, ground, objects, band);
    const given = commands.filter((command) => command.isForProcReceive);
    if (given.length > 0) {
      await band.say(errorLine("the hook 'proc-receive' is not supported"));
      failAll(
        this.#features.atomic ? commands : given,
        "fail to run proc-receive hook",
      );
    }
    const init: ExecuteInit = {
      ...{ context, commands, ground, writer, band, hooks: this.#hooks },
      secure,
      committer: committerAt(origin, stored.config, context.clock.now()),
    };
    await (this.#features.atomic ? executeAtomic(init) : executeEach(init));
  }

  async #report(unpack: string): Promise<void> {
    const { report } = this.#features;
    if (report === "none") return;
    const commands = this.#commands.map(({ name, error }) =>
      error === undefined ? { name } : { name, error }
    );
    const bytes = encodeReport({ unpack, commands }, report);
    await (this.#band.hasBands
      ? this.#band.put(1, bytes)
      : this.#band.raw(bytes));
  }

  /** What comes behind the report; the client may have left. */
  async #afterwards(): Promise<void> {
    const done = this.#commands.filter((command) =>
      command.error === undefined && !command.didNotExist
    );
    const output = (bytes: Uint8Array): Promise<void> => this.#band.say(bytes);
    const hooks = this.#hooks;
    if (hooks !== undefined && done.length > 0) {
      const names = done.map(({ name }): RefName => name);
      await this.#band.during(hooks.postReceive(this.#push(done), output));
      await this.#band.during(hooks.postUpdate(names, output));
    }
    const { settings, writer } = this.#init;
    if (!settings.updateServerInfo) return;
    try {
      const outcome = await writer.updateServerInfo?.();
      for (const { file, why } of outcome?.failures ?? []) {
        noteFault(this.#conversation.context, `Cannot update ${file}`, why);
      }
    } catch (error) {
      noteFault(this.#conversation.context, "Cannot update info", error);
    }
  }

  #push(commands: readonly Command[]): Push {
    const refs = commands.map((command) => command.pushed);
    const { options } = this.#init;
    return options === undefined ? { refs } : { refs, options };
  }
}
