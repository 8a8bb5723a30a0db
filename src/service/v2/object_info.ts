/**
 * The v2 command `object-info`: the sizes of objects, without the objects.
 *
 * @see https://git-scm.com/docs/gitprotocol-v2#_object_info
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import type { ObjectGraph } from "../../storage/types.ts";
import {
  badObjectName,
  formatObjectInfo,
  ObjectInfoArguments,
  type ObjectInfoRequest,
} from "../../wire/v2_object_info.ts";
import type { Conversation } from "../conversation.ts";
import { carryOut } from "../errand.ts";
import { checkAdvertised } from "./strict_wants.ts";
import type { V2Invocation } from "./table.ts";

/** The command. */
export function objectInfoCommand(conversation: Conversation): V2Invocation {
  const { repository, limits } = conversation.context;
  const args = new ObjectInfoArguments(repository.format, limits);
  return {
    take: (line) => args.take(line),
    unended: "object-info: expected flush after arguments",
    run() {
      const request = args.request();
      return carryOut(
        conversation,
        { kind: "object-info", request },
        () => answerObjectInfo(conversation, request),
      );
    },
  };
}

/** Tells of each object that was asked for: protocol-caps.c, send_info. */
export async function answerObjectInfo(
  conversation: Conversation,
  { size, oids, bad }: ObjectInfoRequest,
): Promise<void> {
  const { context, writer, pacer } = conversation;
  using snapshot = await context.repository.snapshot();
  await checkAdvertised(conversation, snapshot, oids);
  const isAsked = oids.length > 0 || bad !== undefined;
  if (isAsked && size) writer.put("size");
  for (const oid of oids) {
    writer.put(formatObjectInfo(
      oid,
      size ? { size: sizeOf(snapshot.objects, oid) } : undefined,
    ));
    await writer.relieve();
    if (pacer.due) await pacer.turn();
  }
  if (bad !== undefined) throw badObjectName(bad);
  writer.putFlush();
}

/** An object's size; `undefined` where it is not here or not readable. */
function sizeOf(objects: ObjectGraph, oid: Oid): number | undefined {
  const number = objects.find(oid);
  if (number < 0) return undefined;
  try {
    // Of what cannot be resolved the size is not known (packfile.c:
    // packed_object_info).
    objects.kind(number);
    return objects.size(number);
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}
