/**
 * The entry point of a thread that looks into repositories for the one that
 * owns the sockets, helps another one with a large pack, or checks passwords. What it has to do
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
import {
  answerPassword,
  type PasswordAnswer,
  type PasswordMessage,
} from "./compose/password_thread.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/logger.ts";
import type { PackTables } from "./pack/tables.ts";
import { host } from "./runtime/detect.ts";
import { parentPort } from "./runtime/workers.ts";
import { ErrandHost } from "./server/errand_host.ts";
import type { FromWorker, ToWorker } from "./server/errand_messages.ts";
import type { PackTableCache } from "./storage/objects/options.ts";

const port = parentPort(
  (message) => take(message as ToWorker | HelpMessage | PasswordMessage),
  (reason) => {
    const stack = reason instanceof Error ? reason.stack : undefined;
    LOGGER.log("error", `BUG: ${stack ?? messageOf(reason)}`);
  },
);

function take(message: ToWorker | HelpMessage | PasswordMessage): void {
  switch (message.type) {
    case "resolve":
      return post(helpResolve(message.order, defaultKernels(LOGGER)));
    case "password":
      return void answerPassword(message).then(post);
    default:
      return errands.take(message);
  }
}

function post(message: FromWorker | HelpAnswer | PasswordAnswer): void {
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
