/**
 * The file of `--config`: git's syntax, and who may what under `gitsrv.*`.
 *
 * @module
 */

import { binaryToUtf8, printable, utf8ToBinary } from "../../core/bytes.ts";
import { parseConfig } from "../../core/config_parser.ts";
import { StorageError, UsageError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { repositoryName } from "./repository_names.ts";
import type { Audience, Rule, RuleLists } from "./rules.ts";
import type { AccessKind } from "./types.ts";

/** What such a file says. */
export interface RuleFile {
  /** The file of passwords, as it is written there. */
  readonly htpasswd?: string;
  /** The file of tokens, as it is written there. */
  readonly tokens?: string;
  /** Who may what. */
  readonly rules: RuleLists;
}

/** Larger files are not read. */
export const MAX_RULE_FILE_BYTES: number = 1024 * 1024;

const PLAIN_KEYS: readonly string[] = [
  ...["gitsrv.htpasswd", "gitsrv.tokens", "gitsrv.group"],
  ...["gitsrv.read", "gitsrv.write"],
];
const KINDS: readonly AccessKind[] = ["read", "write"];
const EVERYBODY: readonly string[] = ["anyone", "users", "nobody"];

/** Values as they add up, by pattern, "" for none; the last one said last. */
type Words = Map<string, string[]>;

/**
 * Reads the file's bytes. Throws a UsageError that names the file and the key,
 * or the line where it is no configuration at all.
 */
export function parseRuleFile(bytes: Uint8Array, file: string): RuleFile {
  const said: Record<AccessKind, Words> = {
    read: new Map(),
    write: new Map(),
  };
  const groups = new Map<string, string[]>();
  const paths: { htpasswd?: string; tokens?: string } = {};
  const take = (rawKey: string, value: string | undefined) => {
    const key = textOf(rawKey, file, "a key");
    const fail = (why: string) => fault(file, key, why);
    const { kind, pattern } = ruleKey(rawKey) ?? {};
    if (kind === undefined && !PLAIN_KEYS.includes(key)) {
      throw fail(`no such key${hint(key)}`);
    }
    if (value === undefined || value.trim() === "") throw fail("no value");
    const text = textOf(value, file, `the value of ${printable(key)}`);
    if (key === "gitsrv.htpasswd") paths.htpasswd = text;
    else if (key === "gitsrv.tokens") paths.tokens = text;
    else if (kind === undefined) addGroup(groups, text, fail);
    else {
      const name = pattern === undefined ? "" : patternOf(pattern, fail);
      const words = said[kind].get(name) ?? [];
      // What is said last comes last.
      said[kind].delete(name);
      said[kind].set(name, [...words, ...wordsOf(text)]);
    }
  };
  try {
    parseConfig(bytes, file, take);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw new UsageError("config", error.message, { cause: error });
  }
  const rules = (kind: AccessKind) => rulesOf(said[kind], kind, groups, file);
  return { ...paths, rules: { read: rules("read"), write: rules("write") } };
}

/** What a key is about, if it is a rule's. The pattern stays binary. */
function ruleKey(
  key: string,
): { kind: AccessKind; pattern: string | undefined } | undefined {
  const match = /^gitsrv\.(?:([^]*)\.)?(read|write)$/.exec(key);
  return match === null
    ? undefined
    : { kind: match[2] as AccessKind, pattern: match[1] };
}

/** A pattern in the spelling that names have. */
function patternOf(pattern: string, fail: (why: string) => UsageError): string {
  const name = repositoryName(pattern);
  if (name === undefined) throw fail("leads out of what is served");
  // An empty one would be for those of which nothing is said.
  if (name === "") throw fail("no pattern");
  return name;
}

function addGroup(
  groups: Map<string, string[]>,
  text: string,
  fail: (why: string) => UsageError,
): void {
  const [name = "", ...members] = wordsOf(text);
  if (name.startsWith("@")) throw fail(`a group's name has no '@' here`);
  for (const member of members) {
    if (member.startsWith("@") || EVERYBODY.includes(member)) {
      throw fail(`'${printable(member)}' is no user's name`);
    }
  }
  groups.set(name, [...groups.get(name) ?? [], ...members]);
}

/** The rules of one kind, the last one first, and what holds else at the end. */
function rulesOf(
  words: Words,
  kind: AccessKind,
  groups: ReadonlyMap<string, readonly string[]>,
  file: string,
): readonly Rule[] {
  const rules = [...words].reverse().map(([name, values]): Rule => {
    const pattern = name === "" ? undefined : name;
    const key = ["gitsrv", ...name === "" ? [] : [name], kind].join(".");
    const fail = (why: string) => fault(file, binaryToUtf8(key), why);
    return { pattern, audience: audienceOf(values, groups, fail) };
  });
  const isDefault = ({ pattern }: Rule) => pattern === undefined;
  return [
    ...rules.filter((rule) => !isDefault(rule)),
    ...rules.filter(isDefault),
  ];
}

function audienceOf(
  values: readonly string[],
  groups: ReadonlyMap<string, readonly string[]>,
  fail: (why: string) => UsageError,
): Audience {
  const names = new Set<string>();
  for (const value of values) {
    if (EVERYBODY.includes(value)) continue;
    if (!value.startsWith("@")) {
      names.add(value);
      continue;
    }
    const members = groups.get(value.slice(1));
    if (members === undefined) {
      const meant = nearest(value.slice(1), [...groups.keys()]);
      throw fail(
        `no group '${printable(value.slice(1))}'` +
          (meant === undefined ? "" : `; did you mean '@${printable(meant)}'?`),
      );
    }
    for (const member of members) names.add(member);
  }
  return {
    anyone: values.includes("anyone"),
    users: values.includes("users"),
    names,
  };
}

/** Which key was meant by one that there is not. */
function hint(key: string): string {
  const match = /^gitsrv\.(?:([^]*)\.)?([^.]*)$/.exec(key);
  const pattern = match?.[1];
  const known = pattern === undefined
    ? PLAIN_KEYS.map((each) => each.slice("gitsrv.".length))
    : KINDS;
  const meant = nearest(match?.[2] ?? "", known);
  if (meant === undefined) return "";
  const whole = ["gitsrv", ...pattern === undefined ? [] : [pattern], meant];
  return `; did you mean '${printable(whole.join("."), 4096)}'?`;
}

function fault(file: string, key: string, why: string): UsageError {
  const where = `${printable(file, 4096)}: '${printable(key, 4096)}'`;
  return new UsageError("config", `${where}: ${why}`);
}

function wordsOf(text: string): readonly string[] {
  return text.split(/[ \t\r\n]+/).filter((word) => word !== "");
}

/** A binary string as text. */
function textOf(binary: string, file: string, what: string): string {
  const text = binaryToUtf8(binary);
  if (utf8ToBinary(text) === binary) return text;
  throw new UsageError(
    "config",
    `${printable(file, 4096)}: ${what} is not UTF-8`,
  );
}
