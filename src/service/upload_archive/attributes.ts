/**
 * Which attributes archives ask for, and where they come from.
 *
 * @module
 */

import {
  AttributeStack,
  type AttributeValue,
} from "../../archive/attributes.ts";
import type { ConversionAttributes } from "../../archive/convert.ts";
import type { Pathspec } from "../../archive/pathspec.ts";
import type { AttributeReading } from "../../archive/tree_walk.ts";
import type { Repository } from "../../storage/types.ts";

/** `export-ignore` is first, as `chooseEntries` has it. */
const NAMES = [
  ...["export-ignore", "export-subst", "diff"],
  ...["text", "crlf", "eol", "ident", "working-tree-encoding"],
] as const;

/** The attributes of one file by their names. */
export interface FileAttributes extends ConversionAttributes {
  /** `$Format:…$` is expanded. */
  readonly exportSubst: boolean;
  /** How it is compared, which tells what is text. */
  readonly diff: AttributeValue;
}

/** Values by their names, which are in the order of the stack's. */
export function fileAttributes(
  values: readonly AttributeValue[],
): FileAttributes {
  const [, exportSubst, diff, text, crlf, eol, ident, encoding] = values;
  return {
    exportSubst: exportSubst === true,
    ...{ diff, text, crlf, eol, ident, encoding },
  };
}

/** The repository's own attributes, which win over all others. */
export function infoAttributes(repository: Repository): string | undefined {
  return repository.attributes?.();
}

/** Attributes as a walk reads them: those of the tree, or none of those. */
export function attributesOf(
  { pathspec, info, warn }: {
    readonly pathspec: Pathspec;
    readonly info: string | undefined;
    readonly warn: (line: string) => void;
  },
  from: "tree" | "info",
): AttributeReading {
  return {
    isOfTree: from === "tree",
    open: (root) =>
      AttributeStack.open({
        names: [...NAMES, ...pathspec.attributeNames],
        root,
        info,
        warn,
      }),
  };
}
