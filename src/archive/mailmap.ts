/**
 * Names and addresses as a `.mailmap` wants them: mailmap.c of git 2.39, for
 * `%aN` and its like. Binary strings.
 *
 * @see https://git-scm.com/docs/gitmailmap
 * @module
 */

import { foldAscii } from "../core/bytes.ts";
import { cText, isSpace } from "./ident.ts";

/** A name and an address. */
export interface Person {
  /** The name. */
  readonly name: string;
  /** The address without brackets. */
  readonly mail: string;
}

interface Replacement {
  name: string | undefined;
  mail: string | undefined;
}

interface Entry {
  /** For whoever has the address. */
  readonly anyone: Replacement;
  /** By folded name. */
  readonly named: Map<string, Replacement>;
}

/** Largest mailmap that is read, in bytes; more is left out. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A mailmap; never changes. */
export class Mailmap {
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(entries: ReadonlyMap<string, Entry>) {
    this.#entries = entries;
  }

  /** Reads the contents of a mailmap. */
  static parse(contents: string): Mailmap {
    const entries = new Map<string, Entry>();
    for (const line of cText(contents.slice(0, MAX_BYTES)).split("\n")) {
      addLine(entries, line);
    }
    return new Mailmap(entries);
  }

  /** What the map makes of a person. */
  map(person: Person): Person {
    const entry = this.#entries.get(foldAscii(person.mail));
    if (entry === undefined) return person;
    const found = entry.named.get(foldAscii(person.name)) ?? entry.anyone;
    return {
      name: found.name ?? person.name,
      mail: found.mail ?? person.mail,
    };
  }
}

/** mailmap.c: read_mailmap_line and add_mapping. */
function addLine(entries: Map<string, Entry>, line: string): void {
  if (line.startsWith("#")) return;
  const first = parsePerson(line);
  if (first === undefined || first.mail === "") return;
  const second = first.rest === "" ? undefined : parsePerson(first.rest);
  const key = foldAscii(second?.mail ?? first.mail);
  let entry = entries.get(key);
  if (entry === undefined) {
    entry = {
      anyone: { name: undefined, mail: undefined },
      named: new Map(),
    };
    entries.set(key, entry);
  }
  const mail = second === undefined ? undefined : first.mail;
  if (second?.name === undefined) {
    if (first.name !== undefined) entry.anyone.name = first.name;
    if (mail !== undefined) entry.anyone.mail = mail;
  } else {
    entry.named.set(foldAscii(second.name), { name: first.name, mail });
  }
}

interface ParsedPerson {
  readonly name: string | undefined;
  readonly mail: string;
  readonly rest: string;
}

/** mailmap.c: parse_name_and_email. */
function parsePerson(text: string): ParsedPerson | undefined {
  const left = text.indexOf("<");
  const right = left < 0 ? -1 : text.indexOf(">", left + 1);
  if (right < 0) return undefined;
  let start = 0;
  while (start < left && isSpace(text.charCodeAt(start))) start++;
  let end = left;
  while (end > start + 1 && isSpace(text.charCodeAt(end - 1))) end--;
  return {
    name: start < end ? text.slice(start, end) : undefined,
    mail: text.slice(left + 1, right),
    rest: text.slice(right + 1),
  };
}
