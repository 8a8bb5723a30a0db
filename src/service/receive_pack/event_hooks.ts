/**
 * Callbacks as hooks: tells listeners, wherever they are, and shows the client
 * what they answer.
 *
 * @module
 */

import { binaryToUtf8, utf8ToBinary } from "../../core/bytes.ts";
import { messageOf } from "../../core/errors.ts";
import type { ServiceContext } from "../types.ts";
import type { PushEventName, PushListeners } from "./push_events.ts";
import type { HookOutput, Push, PushedRef, PushHooks } from "./push_hooks.ts";
import { terminalLine } from "./terminal_text.ts";

/** Hooks of one push that tell `listeners`. */
export function eventHooks(
  context: ServiceContext,
  listeners: PushListeners,
): PushHooks {
  let options: readonly string[] = [];
  const tell = async (
    event: PushEventName,
    refs: readonly PushedRef[],
    output: HookOutput,
  ): Promise<boolean> => {
    if (!listeners.heard.includes(event)) return true;
    const { repository, connection, path = "", caller } = context;
    const { isAccepted, message } = await listeners.tell(event, {
      repository: repository.address?.path ?? "",
      path,
      refs,
      options,
      peer: connection.peer,
      address: connection.address,
      ...(caller?.user === undefined ? {} : { user: caller.user }),
    }, context);
    if (message !== "") await output(terminalLine(utf8ToBinary(message)));
    return isAccepted;
  };
  const note = (push: Push) => {
    options = push.options?.map((option) => binaryToUtf8(option)) ?? [];
  };
  return {
    quarantineSeenBy: "nobody",
    preReceive: async (push, _environment, output) => {
      note(push);
      return await tell("pre-receive", push.refs, output);
    },
    ...(listeners.heard.includes("update")
      ? { update: async (ref, output) => await tell("update", [ref], output) }
      : {}),
    async postReceive(push, output) {
      note(push);
      try {
        await tell("post-receive", push.refs, output);
      } catch (error) {
        context.logger.log("warn", `post-receive: ${messageOf(error)}`);
      }
    },
    postUpdate: () => Promise.resolve(),
  };
}
