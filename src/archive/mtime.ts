/**
 * The value of `--mtime`, which git has had since 2.45 or so: a point in time,
 * in those of git's date formats that name one without a guess.
 *
 * @see https://git-scm.com/docs/git-commit#_date_formats
 * @module
 */

const EPOCH = /^@?(\d{1,15})(?: [+-]\d{4})?$/;
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?$/;
const RFC2822 =
  /^(?:[A-Za-z]{3}, )?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) (Z|GMT|UTC|[+-]\d{4})$/;
const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");

/**
 * Seconds since 1970; `undefined` for what is none of these: "@<seconds>",
 * seconds from 100000000 on, "now", ISO 8601 with a time of day, RFC 2822.
 * Without a zone the time is that of this machine, as in git.
 */
export function parseMtime(text: string, now: number): number | undefined {
  if (text === "now") return now;
  const epoch = EPOCH.exec(text);
  if (epoch !== null) {
    const seconds = Number(epoch[1]);
    return text.startsWith("@") || seconds >= 100_000_000 ? seconds : undefined;
  }
  const iso = ISO.exec(text);
  if (iso !== null) {
    const [, year, month, day, hour, minute, second, zone] = iso;
    const fields = [year, month, day, hour, minute, second ?? "0"].map(Number);
    return seconds(fields, zone);
  }
  const mail = RFC2822.exec(text);
  if (mail === null) return undefined;
  const [, day, name, year, hour, minute, second, zone] = mail;
  const month = MONTHS.indexOf((name ?? "").toLowerCase()) + 1;
  if (month === 0) return undefined;
  return seconds([year, month, day, hour, minute, second].map(Number), zone);
}

function seconds(
  fields: readonly number[],
  zone: string | undefined,
): number | undefined {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] =
    fields;
  if (month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const local = zone === undefined;
  const time = local
    ? new Date(year, month - 1, day, hour, minute, second).getTime()
    : Date.UTC(year, month - 1, day, hour, minute, second);
  const result = time / 1000 - (local ? 0 : zoneSeconds(zone));
  return result >= 0 ? result : undefined;
}

function zoneSeconds(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  if (hours === undefined) return 0;
  const total = Number(hours) * 3600 + Number(minutes ?? 0) * 60;
  return sign === "-" ? -total : total;
}
