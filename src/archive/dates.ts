/**
 * Dates of commits as git writes them: date.c of 2.39, show_date, in the time
 * zone that stands with them.
 *
 * @see https://git-scm.com/docs/git-log#Documentation/git-log.txt---dateltformatgt
 * @module
 */

import { RefusedError } from "../core/errors.ts";

/** The forms that placeholders ask for. */
export type DateForm =
  | "normal"
  | "rfc2822"
  | "relative"
  | "iso"
  | "iso-strict"
  | "short"
  | "human";

/** The time at which dates are looked at. */
export interface Present {
  /** Seconds since 1970. */
  readonly now: number;
  /** Minutes that local time is ahead of UTC then. */
  readonly zoneMinutes: number;
}

const MONTHS = [
  ...["Jan", "Feb", "Mar", "Apr", "May", "Jun"],
  ...["Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

const DAY = 86_400n;
const TIME_LIMIT = 2n ** 63n;
// The last second whose year fits into the C library's int.
const LAST_YEAR_END = 67_768_036_191_676_799n;
const INT_MAX = 2 ** 31 - 1;

/**
 * A date from its digits and zone, each as the commit has it (ident.c:
 * show_ident_date). Throws RefusedError "format" where git gives up.
 */
export function showDate(
  digits: string,
  zoneText: string,
  form: DateForm,
  present: () => Present,
): string {
  let time = parseTime(digits);
  let zone = Number(zoneText);
  if (time >= TIME_LIMIT) {
    time = 0n;
    zone = 0;
  } else if (zone >= INT_MAX || zone < -INT_MAX) {
    zone = 0;
  }
  if (zone === 0) zone = 0; // Not -0.
  if (form === "relative") return relativeDate(time, present().now);
  let local = localTime(time, zone);
  if (local > LAST_YEAR_END) {
    local = 0n;
    zone = 0;
  }
  const at = civil(local);
  switch (form) {
    case "short":
      return shortDate(at);
    case "iso":
      return `${shortDate(at)} ${clock(at)} ${zoneDigits(zone)}`;
    case "iso-strict": {
      const size = Math.abs(zone);
      const hours = pad2(Math.trunc(size / 100));
      return `${shortDate(at)}T${clock(at)}` +
        `${zone < 0 ? "-" : "+"}${hours}:${pad2(size % 100)}`;
    }
    case "rfc2822":
      return `${DAYS[at.weekday]}, ${at.day} ${MONTHS[at.month]} ${at.year} ` +
        `${clock(at)} ${zoneDigits(zone)}`;
    case "human":
      return humanDate(time, at, zone, present());
    case "normal":
      // -1 is what git has for "no zone", and so does not show it.
      return `${DAYS[at.weekday]} ${MONTHS[at.month]} ${at.day} ` +
        `${clock(at)} ${at.year}${zone === -1 ? "" : ` ${zoneDigits(zone)}`}`;
  }
}

/** C's strtoumax: what is too large becomes the largest. */
function parseTime(digits: string): bigint {
  const trimmed = digits.replace(/^0+(?=\d)/, "");
  return trimmed.length > 20 ? 2n ** 64n - 1n : BigInt(trimmed);
}

/** date.c: gm_time_t. */
function localTime(time: bigint, zone: number): bigint {
  const size = Math.abs(zone);
  const minutes = Math.trunc(size / 100) * 60 + size % 100;
  const seconds = Math.imul(zone < 0 ? -minutes : minutes, 60);
  const digits = zoneDigits(zone);
  if (zone > 0 && minutes > 0) {
    if (time + BigInt.asUintN(64, BigInt(seconds)) >= 2n ** 64n) {
      throw refused(`Timestamp+tz too large: ${time} +${pad4(zone)}`);
    }
  } else if (time < BigInt.asUintN(64, BigInt(-seconds))) {
    throw refused(
      `Timestamp before Unix epoch: ${time} ${
        zone < 0 ? digits.slice(0, 1) + pad3(size) : pad4(zone)
      }`,
    );
  }
  const local = BigInt.asUintN(64, time + BigInt(seconds));
  if (local >= TIME_LIMIT) {
    throw refused(`Timestamp too large for this system: ${local}`);
  }
  return local;
}

interface Civil {
  readonly year: number;
  /** From 0 on. */
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** The Gregorian calendar's date of a time, of any year. */
function civil(time: bigint): Civil {
  const days = time / DAY;
  const rest = Number(time % DAY);
  // Within one cycle of 400 years, which Date knows, with the years beyond it.
  const cycles = days / 146_097n;
  const date = new Date(Number(days % 146_097n) * 86_400_000);
  return {
    // An int of C, which the last years do not fit in.
    year: (date.getUTCFullYear() + 400 * Number(cycles)) | 0,
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
    hour: Math.trunc(rest / 3600),
    minute: Math.trunc(rest / 60) % 60,
    second: rest % 60,
  };
}

/** date.c: show_date_relative. */
function relativeDate(time: bigint, now: number): string {
  if (BigInt(Math.trunc(now)) < time) return "in the future";
  let difference = Math.trunc(now) - Number(time);
  if (difference < 90) return ago(difference, "second");
  difference = Math.trunc((difference + 30) / 60);
  if (difference < 90) return ago(difference, "minute");
  difference = Math.trunc((difference + 30) / 60);
  if (difference < 36) return ago(difference, "hour");
  difference = Math.trunc((difference + 12) / 24);
  if (difference < 14) return ago(difference, "day");
  if (difference < 70) return ago(Math.trunc((difference + 3) / 7), "week");
  if (difference < 365) {
    return ago(Math.trunc((difference + 15) / 30), "month");
  }
  if (difference < 1825) {
    const all = Math.trunc((difference * 24 + 365) / 730);
    const years = Math.trunc(all / 12);
    const months = all % 12;
    return months === 0
      ? ago(years, "year")
      : `${count(years, "year")}, ${ago(months, "month")}`;
  }
  return ago(Math.trunc((difference + 183) / 365), "year");
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
}

function ago(number: number, unit: string): string {
  return `${count(number, unit)} ago`;
}

/** date.c: show_date_normal with the present given. */
function humanDate(
  time: bigint,
  at: Civil,
  zone: number,
  { now, zoneMinutes }: Present,
): string {
  const here = civil(BigInt(Math.max(Math.trunc(now) + zoneMinutes * 60, 0)));
  const isThisYear = at.year === here.year;
  let hidesDate = false;
  if (isThisYear && at.month === here.month) {
    if (at.day === here.day) return relativeDate(time, now);
    hidesDate = at.day < here.day && at.day + 5 > here.day;
  }
  const size = Math.abs(zoneMinutes);
  const hereZone = (Math.trunc(size / 60) * 100 + size % 60) *
    (zoneMinutes < 0 ? -1 : 1);
  const hidesZone = zone === hereZone || !hidesDate;
  const parts: string[] = [];
  if (isThisYear) parts.push(DAYS[at.weekday] as string);
  if (!hidesDate) parts.push(`${MONTHS[at.month]} ${at.day}`);
  if (isThisYear) parts.push(`${pad2(at.hour)}:${pad2(at.minute)}`);
  if (!isThisYear) parts.push(String(at.year));
  if (!hidesZone) parts.push(zoneDigits(zone));
  return parts.join(" ");
}

function shortDate({ year, month, day }: Civil): string {
  return `${pad4(year)}-${pad2(month + 1)}-${pad2(day)}`;
}

function clock({ hour, minute, second }: Civil): string {
  return `${pad2(hour)}:${pad2(minute)}:${pad2(second)}`;
}

/** C's `%+05d`. */
function zoneDigits(zone: number): string {
  return `${zone < 0 ? "-" : "+"}${pad4(Math.abs(zone))}`;
}

function pad2(number: number): string {
  return String(number).padStart(2, "0");
}

function pad3(number: number): string {
  return String(number).padStart(3, "0");
}

function pad4(number: number): string {
  return String(number).padStart(4, "0");
}

function refused(message: string): RefusedError {
  return new RefusedError("format", message);
}
