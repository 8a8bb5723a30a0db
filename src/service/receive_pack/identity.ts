/**
 * Who a push is put down to in reflogs: what git makes of the environment, the
 * configuration and the account that serves.
 *
 * ident.c: fmt_ident, with IDENT_NO... none of its strictness.
 *
 * @see https://git-scm.com/docs/git-commit#_commit_information
 * @module
 */

import { utf8ToBinary } from "../../core/bytes.ts";
import type { ConfigView } from "../../storage/types.ts";

/** What is known of the process that serves, as text. Can be cloned. */
export interface PushOrigin {
  /** `GIT_COMMITTER_NAME`. */
  readonly name?: string;
  /** `GIT_COMMITTER_EMAIL`. */
  readonly email?: string;
  /** `GIT_COMMITTER_DATE`. */
  readonly date?: string;
  /** The account's full name, where it is asked for. */
  readonly fullName: string;
  /** The account's name. */
  readonly account: string;
  /** An address for the account, where it is asked for. */
  readonly mail: string;
  /** What a pack's `.keep` says: "receive-pack 123 on host". */
  readonly keep: string;
}

/** Where nothing is known of the process. */
export const NO_ORIGIN: PushOrigin = {
  fullName: "",
  account: "gitsrv",
  mail: "gitsrv@localhost",
  keep: "receive-pack",
};

/** Whether configuration names a committer, so that the account is not asked. */
export function namesCommitter(config: ConfigView): {
  readonly name: boolean;
  readonly email: boolean;
} {
  return {
    name: configured(config, "name") !== undefined,
    email: configured(config, "email") !== undefined,
  };
}

/** The committer at `now` (ms), as reflogs have it: a binary string. */
export function committerAt(
  origin: PushOrigin,
  config: ConfigView,
  now: number,
): string {
  const given = origin.name === undefined
    ? configured(config, "name") ?? utf8ToBinary(origin.fullName)
    : utf8ToBinary(origin.name);
  const mail = origin.email === undefined
    ? configured(config, "email") ?? utf8ToBinary(origin.mail)
    : utf8ToBinary(origin.email);
  const name = withoutCrud(given) || withoutCrud(utf8ToBinary(origin.account));
  return `${name} <${withoutCrud(mail)}> ${timeOf(origin.date, now)}`;
}

function configured(
  config: ConfigView,
  part: "name" | "email",
): string | undefined {
  return config.get(`committer.${part}`) ?? config.get(`user.${part}`);
}

/** ident.c: strbuf_addstr_without_crud. */
function withoutCrud(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/^[\x00-\x20.,:;<>"\\']+|[\x00-\x20.,:;<>"\\']+$/g, "")
    .replace(/[\n<>]/g, "");
}

/** Seconds and zone: those that were given, or those of now. */
function timeOf(given: string | undefined, now: number): string {
  const raw = /^@?(\d{1,15}) ([+-]\d{4})$/.exec(given?.trim() ?? "");
  if (raw !== null) return `${raw[1]} ${raw[2]}`;
  const parsed = given === undefined ? NaN : Date.parse(given);
  const at = Number.isNaN(parsed) ? now : parsed;
  const minutes = -new Date(at).getTimezoneOffset();
  const size = Math.abs(minutes);
  const zone = String(Math.floor(size / 60) * 100 + size % 60).padStart(4, "0");
  return `${Math.floor(at / 1000)} ${minutes < 0 ? "-" : "+"}${zone}`;
}
