/**
 * What a request for a service is about, opened in git's order: first whether
 * there is a repository, then whether the service is served, and at last
 * whether the operator's hook has something against it.
 *
 * @module
 */

import { printable, utf8ToBinary } from "../../core/bytes.ts";
import { RefusedError } from "../../core/errors.ts";
import type { Service } from "../../service/types.ts";
import type { Repository } from "../../storage/types.ts";
import { openTarget } from "../push_target.ts";
import { HOOK_REFUSED, refusalMessage } from "../refusal.ts";
import type { ServiceRow } from "../services.ts";
import { kindOf } from "../access/decide.ts";
import {
  admitOpened,
  canAsk,
  grantedRow,
  notFound,
  unauthorized,
} from "./admission.ts";
import { HttpError } from "./http_error.ts";
import {
  type HttpSettings,
  httpSettings,
  isOffered,
  isServed,
  servesFiles,
} from "./settings.ts";
import type { Exchange } from "./types.ts";

/** Most characters of the hook's words that are passed on. */
const MAX_WORDS = 1024;

/** A service that may be used, and what it is used on. */
export interface OpenedService {
  /** The service. */
  readonly row: ServiceRow & { readonly run: Service };
  /** The repository. */
  readonly repository: Repository;
  /** Its path, as the client has named it. */
  readonly path: string;
  /** What its configuration says of HTTP. */
  readonly settings: HttpSettings;
  /** To be called when the session is over. */
  done(): void;
}

/**
 * Opens the repository at `path` for a service, `undefined` being one that is
 * not known. Throws an HttpError where the client may not have it.
 */
export async function openService(
  exchange: Exchange,
  row: ServiceRow | undefined,
  path: string,
): Promise<OpenedService> {
  const { context, user } = exchange;
  const target = await orNotFound(exchange, path, async () => {
    if (row !== undefined) {
      // Whoever may push to any repository may push to a new one.
      const granted = grantedRow(exchange, path, row);
      const isEnabled = isOffered(granted, user);
      return await openTarget({ ...granted, isEnabled }, context, path);
    }
    const repository = await context.backend.openRepository(path);
    return { repository, done() {} };
  });
  const { repository } = target;
  try {
    admitOpened(exchange, path, kindOf(row), repository);
    const settings = httpSettings(repository.config, context.services);
    if (row === undefined) {
      throw new HttpError(403, "no-such-service", "Unsupported service");
    }
    const { run } = row;
    const granted = grantedRow(exchange, path, row, repository);
    if (run === undefined || !isServed(granted, settings, user)) {
      throw notServed(exchange, row, settings);
    }
    await askHook(exchange, { service: row.name, path, repository });
    return {
      row: { ...row, run },
      repository,
      path,
      settings,
      done: onlyOnce(() => target.done()),
    };
  } catch (error) {
    target.done();
    throw error;
  }
}

/** A repository whose plain files may be had. */
export interface OpenedPlain {
  /** The repository. */
  readonly repository: Repository;
  /** What its configuration says of HTTP. */
  readonly settings: HttpSettings;
}

/** Opens the repository at `path` for its plain files, likewise. */
export async function openPlain(
  exchange: Exchange,
  path: string,
): Promise<OpenedPlain> {
  const { context } = exchange;
  const repository = await orNotFound(
    exchange,
    path,
    () => context.backend.openRepository(path),
  );
  admitOpened(exchange, path, "read", repository);
  const settings = httpSettings(repository.config, context.services);
  if (!servesFiles(context.services, settings)) {
    // http-backend.c: select_getanyfile.
    const words = "Unsupported service: getanyfile";
    throw new HttpError(403, "no-such-service", words);
  }
  await askHook(exchange, { service: "upload-pack", path, repository });
  return { repository, settings };
}

/**
 * Calls `open`. What a client may not have is not there; why, it learns where
 * errors are informative.
 */
export async function orNotFound<T>(
  exchange: Exchange,
  path: string,
  open: () => Promise<T>,
): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    if (!(cause instanceof RefusedError)) throw cause;
    const { informativeErrors } = exchange.context;
    const options = { informative: informativeErrors };
    const words = informativeErrors
      ? refusalMessage(cause, utf8ToBinary(path), options)
      : "Not found";
    throw notFound(exchange, cause.code, {
      words,
      cause: cause.cause ?? cause,
    });
  }
}

/**
 * Lets `--access-hook` decide over a request; `service` is what the hook is
 * told, "upload-pack" for plain files. Throws an HttpError 403.
 */
export async function askHook(
  { context, peer, logger, ending }: Exchange,
  { service, path, repository }: {
    readonly service: string;
    readonly path: string;
    readonly repository: Repository;
  },
): Promise<void> {
  try {
    await context.accessHook?.({
      service,
      path,
      address: repository.address,
      // No host was asked for: a header is no more than a claim.
      connection: peer,
      signal: ending.signal,
      logger,
    });
  } catch (error) {
    if (!(error instanceof RefusedError) || error.code !== HOOK_REFUSED) {
      throw error;
    }
    const words = context.informativeErrors
      ? printable(error.message, MAX_WORDS)
      : "Forbidden";
    throw new HttpError(403, HOOK_REFUSED, words);
  }
}

/** 401 where credentials would help. */
function notServed(
  exchange: Exchange,
  row: ServiceRow,
  settings: HttpSettings,
): HttpError {
  const { context, user } = exchange;
  const couldHelp = canAsk(context) && user === undefined &&
    isServed(row, settings, "somebody");
  return couldHelp ? unauthorized(exchange) : new HttpError(
    403,
    "service-not-enabled",
    `Service not enabled: '${row.name}'`,
  );
}

function onlyOnce(call: () => void): () => void {
  let isCalled = false;
  return () => {
    if (!isCalled) call();
    isCalled = true;
  };
}
