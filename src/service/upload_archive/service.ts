/**
 * upload-archive: makes archives for `git archive --remote`.
 *
 * @see https://git-scm.com/docs/git-upload-archive
 * @module
 */

import { parseArchiveArguments } from "../../archive/arguments.ts";
import { archiveFormats } from "../../archive/formats.ts";
import { printable } from "../../core/bytes.ts";
import {
  GitsrvError,
  messageOf,
  ProtocolError,
  RefusedError,
  StorageError,
} from "../../core/errors.ts";
import { PacketWriter } from "../../pktline/writer.ts";
import { Conversation } from "../conversation.ts";
import { carryOut } from "../errand.ts";
import { isForPeer } from "../failure.ts";
import type { Service, ServiceContext } from "../types.ts";
import { answerArchive } from "./answer.ts";
import { readArguments } from "./request.ts";
import { report, tell } from "./tell.ts";

/** builtin/upload-archive.c: deadchild. */
const DIED = "git upload-archive: archiver died with error";
/** How long a peer may take to read why its session was ended. */
const LAST_WORDS_MS = 1000;
/** What git says of a thing with "error: ", and ends because of it. */
const ERRORS: ReadonlySet<string> = new Set([
  ...["bad-path", "bad-mode", "path-too-long", "too-deep"],
]);

/** Serves one client of a repository, from the first answer to the end. */
export const uploadArchive: Service = async (
  context: ServiceContext,
): Promise<void> => {
  const conversation = new Conversation(context);
  const { writer } = conversation;
  writer.put("ACK\n");
  writer.putFlush();
  await writer.send();
  conversation.channel = "side-band";
  try {
    await serve(conversation);
  } catch (error) {
    await sayWhy(error, conversation);
    throw asLogged(error, context);
  }
  writer.putFlush();
  await writer.send();
};

async function serve(conversation: Conversation): Promise<void> {
  const { context, writer } = conversation;
  const args = await readArguments(conversation);
  const request = parseArchiveArguments(
    args,
    archiveFormats(context.repository.config),
  );
  switch (request.type) {
    case "list":
      return tell(writer, 1, request.text);
    case "failure":
      tell(writer, 1, request.output);
      throw new RefusedError("usage", request.error);
    case "archive": {
      const { order } = request;
      return await carryOut(
        conversation,
        { kind: "archive", order },
        () => answerArchive(conversation, order),
      );
    }
  }
}

/**
 * Tells the peer of an error as git's two processes do. Never throws: a peer
 * that cannot be told has left.
 */
async function sayWhy(
  error: unknown,
  { context, writer }: Conversation,
): Promise<void> {
  let last = writer;
  if (context.signal.aborted) {
    if (!isForPeer(error)) return;
    const signal = AbortSignal.timeout(LAST_WORDS_MS);
    last = new PacketWriter(context.connection, { signal });
  }
  try {
    tell(last, 2, wordsFor(error));
    last.putBand(3, DIED);
    await last.send();
  } catch {
    // The connection is what failed: there is nobody to tell.
  }
}

function wordsFor(error: unknown): string {
  if (error instanceof StorageError && error.code === "unreadable-object") {
    const isTree = error.message.startsWith("unable");
    return report(`${isTree ? "fatal" : "error"}: ${error.message}`);
  }
  if (!isForPeer(error)) return "fatal: internal error\n";
  const { code } = error as GitsrvError;
  if (code === "usage") return messageOf(error);
  return report(`${ERRORS.has(code) ? "error" : "fatal"}: ${messageOf(error)}`);
}

/** A failure as upload-archive logs it, and why. */
function asLogged(error: unknown, { signal }: ServiceContext): unknown {
  if (signal.aborted || !(error instanceof GitsrvError)) return error;
  const message = `sent error to the client: ${DIED}`;
  const cause = new Error(firstLine(messageOf(error)), { cause: error });
  return error instanceof StorageError
    ? new StorageError("archive-failed", message, { cause })
    : new ProtocolError("archive-failed", message, { cause });
}

function firstLine(text: string): string {
  return printable(text.split("\n", 1)[0] ?? "");
}
