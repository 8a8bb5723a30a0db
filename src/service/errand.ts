/**
 * The part of a conversation that looks into a repository, as a value: it can
 * be carried out here, or by another thread that has the same repository.
 *
 * @module
 */

import type { ArchiveOrder } from "../archive/arguments.ts";
import type { Repository } from "../storage/types.ts";
import type { FetchRequest } from "../wire/v2_fetch.ts";
import type { LsRefsRequest } from "../wire/v2_ls_refs.ts";
import type { ObjectInfoRequest } from "../wire/v2_object_info.ts";
import type { Conversation } from "./conversation.ts";
import type { PlainOrder } from "./plain_order.ts";
import type { OverviewDetail } from "./overview.ts";
import type { PushOrigin } from "./receive_pack/identity.ts";

/** What is to be done. Every kind can be cloned. */
export type Errand =
  /** A v0 or v1 conversation, from the advertisement to the end. */
  | { readonly kind: "upload-pack" }
  /** A v2 command whose arguments were read. */
  | { readonly kind: "ls-refs"; readonly request: LsRefsRequest }
  | { readonly kind: "fetch"; readonly request: FetchRequest }
  | { readonly kind: "object-info"; readonly request: ObjectInfoRequest }
  /** An archive whose arguments were read. */
  | { readonly kind: "archive"; readonly order: ArchiveOrder }
  /** A file, or what stands for one, of a client that reads files. */
  | { readonly kind: "plain"; readonly order: PlainOrder }
  /** What people want to know of a repository. */
  | { readonly kind: "overview"; readonly detail: OverviewDetail }
  /** A push, from the advertisement to the last hook. */
  | { readonly kind: "receive-pack"; readonly origin: PushOrigin };

/** Other threads that carry out errands. */
export interface Errands {
  /**
   * Says that errands on `repository` are likely: a thread may get ready.
   * Costs nothing here.
   */
  prepare(repository: Repository): void;
  /**
   * Has the errand carried out where it is done best: elsewhere, over the
   * conversation's connection, or by `here`. Rejects as `here` would, with the
   * conversation's `channel` as it was then.
   */
  carryOut(
    conversation: Conversation,
    errand: Errand,
    here: () => Promise<void>,
  ): Promise<void>;
}

/** Carries an errand out: elsewhere where the session has errands, else here. */
export async function carryOut(
  conversation: Conversation,
  errand: Errand,
  here: () => Promise<void>,
): Promise<void> {
  const { errands } = conversation.context;
  if (errands === undefined) return await here();
  await errands.carryOut(conversation, errand, here);
}
