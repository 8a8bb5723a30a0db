/**
 * The entry point of a thread that looks into repositories for the one that
 * owns the sockets, or helps another one with a large pack. What it has to do
 * comes in messages.
 *
 * @module
 */

import { addressOpener, defaultKernels, hookSource } from "./compose.ts";
import {
  type HelpAnswer,
  type HelpMessage,
  helpResolve,
} from "./compose/resolvers.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/logger.ts";
import type { PackTables } from "./pack/tables.ts";
import { host } from "./runtime/detect.ts";
import { parentPort } from "./runtime/workers.ts";
import { ErrandHost } from "./server/errand_host.ts";
import type { FromWorker, ToWorker } from "./server/errand_messages.ts";
import type { PackTableCache } from "./storage/objects/options.ts";

const port = parentPort(
  (message) => take(message as ToWorker | HelpMessage),
  (reason) => {
    const stack = reason instanceof Error ? reason.stack : undefined;
    LOGGER.log("error", `BUG: ${stack ?? messageOf(reason)}`);
  },
);

function take(message: ToWorker | HelpMessage): void {
  if (message.type !== "resolve") return errands.take(message);
  post(helpResolve(message.order, defaultKernels(LOGGER)));
}

function post(message: FromWorker | HelpAnswer): void {
  port.post(message);
}

/** Lines that concern no errand in particular. */
const LOGGER: Logger = {
  log: (level, message, fields = {}) =>
    post({ type: "log", id: 0, level, message, fields }),
};

/** Tables of packs that any thread has read. */
const TABLES: PackTableCache = {
  get: (name) => errands.shared(name) as PackTables | undefined,
  put: (name, value) =>
    errands.share({ name, bytes: value.buffer.byteLength, value }),
};

const errands: ErrandHost = new ErrandHost({
  open: addressOpener(LOGGER, { tables: TABLES }, () => errands.helperPlaces),
  kernels: defaultKernels(LOGGER),
  clock: host().clock,
  hooks: hookSource,
  port,
});
post({ type: "ready" });
