/**
 * Reading what a client wants of receive-pack, up to the pack.
 *
 * builtin/receive-pack.c: read_head_info, read_push_options.
 *
 * @module
 */

import { ProtocolError } from "../../core/errors.ts";
import {
  PushOptionLines,
  type ReceiveRequest,
  ReceiveRequestLines,
} from "../../wire/receive_request.ts";
import type { Conversation } from "../conversation.ts";
import type { HeldCommands } from "./held_commands.ts";
import type { ReceiveSettings } from "./settings.ts";

/** A request, and its push options where they were negotiated. */
export interface ReadRequest {
  /** The commands and what goes with them. */
  readonly request: ReceiveRequest;
  /** Binary strings. */
  readonly options: readonly string[] | undefined;
}

/**
 * Reads a request; `undefined` where the peer left after the advertisement.
 * Throws as {@linkcode ReceiveRequestLines.take}, and as
 * {@linkcode HeldCommands.add}; the client can be told on its bands once it
 * has said that it has them.
 */
export async function readRequest(
  conversation: Conversation,
  settings: ReceiveSettings,
  held: HeldCommands,
): Promise<ReadRequest | undefined> {
  const { stored } = conversation;
  const lines = new ReceiveRequestLines(stored.format, {
    atomic: settings.advertiseAtomic,
    pushOptions: settings.advertisePushOptions,
  }, settings.limits);
  let isFirst = true;
  for (;; isFirst = false) {
    const payload = await next(conversation, { mayEnd: isFirst });
    if (payload === "end") return undefined;
    if (payload === "flush") break;
    try {
      lines.take(payload);
      held.add(payload.length);
    } finally {
      if (lines.features.sideBand) conversation.channel = "side-band";
    }
  }
  const request = lines.request();
  if (request.commands.length === 0 || !request.features.pushOptions) {
    return { request, options: undefined };
  }
  const options = new PushOptionLines(settings.limits);
  for (;;) {
    const payload = await next(conversation, { mayEnd: false });
    if (typeof payload === "string") break;
    options.take(payload);
  }
  return { request, options: options.options };
}

/** A packet's payload; any packet without one is "flush", as for git. */
async function next(
  conversation: Conversation,
  { mayEnd }: { readonly mayEnd: boolean },
): Promise<Uint8Array | "flush" | "end"> {
  const breath = conversation.breathe();
  if (breath !== undefined) await breath;
  const packet = await conversation.reader.read();
  if (packet.type === "data") return packet.payload;
  if (packet.type !== "end") return "flush";
  if (mayEnd) return "end";
  throw new ProtocolError("hung-up", "the remote end hung up unexpectedly");
}
