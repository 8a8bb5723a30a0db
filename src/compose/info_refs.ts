/**
 * Prints what a web server answers to `GET info/refs`.
 *
 * @module
 */

import type { Logger } from "../core/logger.ts";
import { host } from "../runtime/detect.ts";
import {
  type AdvertisedService,
  writeAdvertisement,
  writeListing,
} from "../server/info_refs.ts";
import type { Repository } from "../storage/types.ts";
import { sessionContext } from "./session.ts";

/** What is printed. */
export interface PrintedRefs {
  /** Whose refs. */
  readonly repository: Repository;
  /** The prefix of the refs that are told, "" for all. */
  readonly namespace: string;
  /** The advertisement of a service; absent: the listing. */
  readonly advertised?: AdvertisedService;
  /** The log; silent unless told. */
  readonly logger?: Logger;
}

/** Prints it to standard output. Rejects where the refs cannot be read. */
export async function printInfoRefs(
  { repository, namespace, advertised, logger }: PrintedRefs,
): Promise<void> {
  const output = host().stdio();
  if (advertised === undefined) {
    return await writeListing(output, repository, namespace);
  }
  const context = sessionContext({
    backend: { openRepository: () => Promise.resolve(repository) },
    limits: { timeoutMs: 0 },
    terms: { namespace, stateless: true, advertiseOnly: true },
    ...(logger === undefined ? {} : { logger }),
  });
  await writeAdvertisement(output, context, advertised);
}
