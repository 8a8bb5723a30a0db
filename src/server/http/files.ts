/**
 * Dumb HTTP: files of a repository, and what stands for them, each made or
 * read in the thread that looks into the repository.
 *
 * @see https://git-scm.com/docs/gitprotocol-http
 * @module
 */

import { Conversation } from "../../service/conversation.ts";
import { carryOut } from "../../service/errand.ts";
import type {
  PlainFacts,
  PlainOrder,
  PlainThing,
} from "../../service/plain_order.ts";
import type { Repository } from "../../storage/types.ts";
import { readConditions } from "../../wire/http_conditions.ts";
import type { AnswerBody } from "./answer_body.ts";
import { answerBody, exchangeSession } from "./exchange_session.ts";
import { fileHeaders } from "./file_headers.ts";
import { FactsConnection } from "./facts_connection.ts";
import { HttpError } from "./http_error.ts";
import { logFailure } from "./log.ts";
import { reply } from "./replies.ts";
import type { Exchange } from "./types.ts";

/** A file that was asked for. */
export interface AskedFile {
  /** The repository. */
  readonly repository: Repository;
  /** Its path, as the client has named it. */
  readonly path: string;
  /** The file. */
  readonly thing: PlainThing;
}

/** Answers with a file, or a part of it. Throws an HttpError. */
export async function answerFile(
  exchange: Exchange,
  asked: AskedFile,
): Promise<Response> {
  const { request, context } = exchange;
  const order: PlainOrder = {
    thing: asked.thing,
    wants: request.method === "HEAD" ? "facts" : "bytes",
    conditions: readConditions(request),
  };
  const answer = answerBody(exchange);
  const facts = await begin(exchange, asked, order, answer);
  switch (facts.status) {
    case 404:
      // Clients look in many places: that is nothing to log as an error.
      return reply(404, "Not found");
    case 412:
      return reply(412, "");
    case 416:
      return reply(416, "", { "Content-Range": `bytes */${facts.size}` });
  }
  const { status } = facts;
  // Nobody knows what a program goes by: an address, a cookie, the time.
  const isPrivate = exchange.user !== undefined ||
    request.headers.has("authorization") ||
    context.authorize !== undefined || context.accessHook !== undefined;
  const headers = fileHeaders(asked.thing, facts, {
    now: context.clock.now(),
    audience: isPrivate ? "private" : "public",
  });
  return status === 304 || order.wants === "facts"
    ? new Response(null, { status, headers })
    : await answer.response({ status, headers });
}

/** Has the answer made; resolves as soon as it is known what it will be. */
function begin(
  exchange: Exchange,
  asked: AskedFile,
  order: PlainOrder,
  answer: AnswerBody,
): Promise<PlainFacts> {
  const { ending, peer, logger, visit } = exchange;
  const inner = new FactsConnection(peer, answer);
  const given = exchangeSession(exchange, asked, inner);
  const session = async () => {
    try {
      const conversation = new Conversation(given);
      await carryOut(conversation, { kind: "plain", order }, async () => {
        const here = await import("../../service/plain_answer.ts");
        await here.answerPlain(conversation, order);
      });
      inner.end();
      await given.connection.watch(answer.taken(ending.signal));
    } catch (error) {
      // What is held becomes a status, which is logged as such.
      if (!answer.isHeld) logFailure(logger, error);
      const { reason } = ending.signal;
      inner.fail(reason instanceof HttpError ? reason : error);
    } finally {
      given.connection[Symbol.dispose]();
    }
  };
  visit.keep(session());
  return inner.facts;
}
