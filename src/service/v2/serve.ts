/**
 * The loop of protocol v2: one request after the other, until the client has
 * had enough.
 *
 * @see https://git-scm.com/docs/protocol-v2
 * @module
 */

import { printable } from "../../core/bytes.ts";
import { ProtocolError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { PacketOrEnd } from "../../pktline/reader.ts";
import { type V2Request, V2RequestHead } from "../../wire/v2_request.ts";
import type { Conversation } from "../conversation.ts";
import { capabilityLines, findCommand, requestNames } from "./table.ts";

/**
 * Serves one client: serve.c, protocol_v2_serve_loop. A stateless client has
 * the advertisement from another session, and one request.
 */
export async function serveV2(conversation: Conversation): Promise<void> {
  const { advertiseOnly, stateless } = conversation.context.terms;
  if (advertiseOnly || !stateless) await advertise(conversation);
  let format: ObjectFormat | undefined;
  while (!advertiseOnly) {
    const request = await readHead(conversation, format);
    if (request === undefined) return;
    format = request.format;
    note(conversation, request);
    await answer(conversation, request);
    await conversation.writer.send();
    if (stateless) return;
  }
}

async function advertise(conversation: Conversation): Promise<void> {
  const { context, writer } = conversation;
  writer.put("version 2\n");
  for (const line of capabilityLines(context)) writer.put(`${line}\n`);
  writer.putFlush();
  await writer.send();
  // A thread may get ready while the client reads that.
  if (!context.terms.advertiseOnly) {
    context.errands?.prepare(context.repository);
  }
}

/** The next request's head; `undefined` where the client has ended. */
async function readHead(
  conversation: Conversation,
  format: ObjectFormat | undefined,
): Promise<V2Request | undefined> {
  const head = new V2RequestHead(requestNames(conversation.context), format);
  for (;;) {
    await conversation.breathe();
    const packet = head.empty
      ? await firstPacket(conversation)
      : await conversation.reader.read();
    if (packet.type === "end") {
      if (head.empty) return undefined;
      throw new ProtocolError(
        "hung-up",
        "the remote end hung up unexpectedly",
      );
    }
    const step = head.take(packet);
    if (step.type === "closing") return undefined;
    if (step.type === "request") return step.request;
  }
}

/**
 * A request's first packet. A client that leaves in the middle of it has left
 * between two requests (serve.c: PACKET_READ_GENTLE_ON_EOF).
 */
async function firstPacket({ reader }: Conversation): Promise<PacketOrEnd> {
  try {
    return await reader.read();
  } catch (error) {
    if (error instanceof ProtocolError && error.code === "hung-up") {
      return { type: "end" };
    }
    throw error;
  }
}

/** What a client says of itself, and asks of servers that know its words. */
function note(
  { context: { logger } }: Conversation,
  { command, serverOptions, sessionId }: V2Request,
): void {
  if (sessionId !== undefined) {
    logger.log("info", `Session of the client: '${printable(sessionId)}'`);
  }
  if (serverOptions.length > 0) {
    const options = serverOptions.map((each) => `'${printable(each)}'`);
    logger.log("info", `Server options of ${command}: ${options.join(", ")}`);
  }
}

async function answer(
  conversation: Conversation,
  request: V2Request,
): Promise<void> {
  const { format } = conversation.context.repository;
  if (request.format !== format) {
    throw new ProtocolError(
      "object-format-mismatch",
      `mismatched object format: server ${format.name}; ` +
        `client ${request.format.name}`,
    );
  }
  const command = await findCommand(request.command);
  if (command === undefined) throw new TypeError(request.command);
  const invocation = command(conversation);
  let line = request.hasArguments ? await conversation.line() : undefined;
  while (line?.type === "line") {
    invocation.take(line.text);
    line = await conversation.line();
  }
  if (line !== undefined && line.type !== "flush") {
    throw new ProtocolError(
      "no-flush",
      invocation.unended,
    );
  }
  await invocation.run();
}
