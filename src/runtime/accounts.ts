/**
 * Users, groups and hosts as the system knows them. `getent` asks every source
 * that the system is set up with; without it the files in /etc do.
 *
 * @module
 */

import { lookup } from "node:dns";
import { readFileSync, statSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { toUtf8 } from "../core/bytes.ts";
import { runProgram } from "./programs.ts";

/** One user. */
export interface UserAccount {
  /** The name. */
  readonly name: string;
  /** The user's number. */
  readonly uid: number;
  /** The number of the user's primary group. */
  readonly gid: number;
  /** The home directory. */
  readonly home: string;
}

const LOOK_UP_MS = 5000;
const OUTPUT_BYTES = 64 * 1024;
const FILE_BYTES = 16 * 1024 * 1024;

/** The user of that name, as `getpwnam` finds it. Never rejects. */
export async function findUser(name: string): Promise<UserAccount | undefined> {
  const fields = await entryOf("passwd", name);
  const [, , uid = "", gid = "", , home = ""] = fields ?? [];
  return /^\d+$/.test(uid) && /^\d+$/.test(gid)
    ? { name, uid: Number(uid), gid: Number(gid), home }
    : undefined;
}

/** The name of this machine, as it calls itself. */
export function machineName(): string {
  try {
    return hostname();
  } catch {
    return "localhost";
  }
}

/** The name of the account that this process runs as. */
export function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // No account has our number.
    return "unknown";
  }
}

/** The full name of a user (ident.c: copy_gecos). Never rejects. */
export async function fullNameOf(account: string): Promise<string> {
  const gecos = (await entryOf("passwd", account))?.[4] ?? "";
  const name = (gecos.split(",", 1)[0] ?? "").trim();
  const capital = account.slice(0, 1).toUpperCase() + account.slice(1);
  return name.replaceAll("&", capital);
}

/** The mail domain of this machine (ident.c: copy_email). Never rejects. */
export async function mailDomain(): Promise<string> {
  const [named = ""] = fileLines("/etc/mailname");
  if (named.trim() !== "") return named.trim();
  const host = machineName();
  if (host.includes(".")) return host;
  const { canonicalName } = await lookUpHost(host);
  return canonicalName.includes(".") ? canonicalName : `${host}.(none)`;
}

/** The number of the group of that name, as `getgrnam` finds it. */
export async function findGroup(name: string): Promise<number | undefined> {
  const gid = (await entryOf("group", name))?.[2] ?? "";
  return /^\d+$/.test(gid) ? Number(gid) : undefined;
}

/** What is known of a host; as C's `getaddrinfo` with AI_CANONNAME. */
export async function lookUpHost(
  name: string,
): Promise<{ readonly canonicalName: string; readonly address: string }> {
  const lines = await getent("ahosts", name);
  if (lines === undefined) return await lookUpAddress(name);
  // "127.0.0.1  STREAM localhost": the first line has the canonical name.
  const rows = lines.map((line) => line.trim().split(/\s+/));
  const addresses = rows.map(([address = ""]) => address);
  return {
    canonicalName: rows[0]?.[2] ?? "",
    address: addresses.find((each) => !each.includes(":")) ??
      addresses[0] ?? "",
  };
}

function lookUpAddress(
  name: string,
): Promise<{ readonly canonicalName: string; readonly address: string }> {
  return new Promise((resolve) =>
    lookup(name, (error, address) =>
      resolve(
        error
          ? { canonicalName: "", address: "" }
          : { canonicalName: name, address },
      ))
  );
}

/** The fields of one entry; of that very name, not of its number. */
async function entryOf(
  database: "passwd" | "group",
  name: string,
): Promise<readonly string[] | undefined> {
  // Nothing that getent could take for an option, and nothing odd.
  if (!/^[\w.][\w.@$-]{0,255}$/.test(name)) return undefined;
  const lines = await getent(database, name) ?? fileLines(`/etc/${database}`);
  return lines.map((line) => line.split(":")).find(([first]) => first === name);
}

/** The lines that getent prints; `undefined` where there is no getent. */
async function getent(
  database: string,
  key: string,
): Promise<readonly string[] | undefined> {
  try {
    const { code, output } = await runProgram("getent", {
      args: [database, key],
      outputLimit: OUTPUT_BYTES,
      timeoutMs: LOOK_UP_MS,
    });
    return code === 0
      ? toUtf8(output).split("\n").filter((line) => line !== "")
      : [];
  } catch {
    return undefined;
  }
}

function fileLines(path: string): readonly string[] {
  try {
    if (statSync(path).size > FILE_BYTES) return [];
    return readFileSync(path, "utf8").split("\n");
  } catch {
    return [];
  }
}
