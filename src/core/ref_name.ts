/**
 * Ref names: binary strings that passed git's rules.
 *
 * @see https://git-scm.com/docs/git-check-ref-format
 * @module
 */

/**
 * The full name of a ref ("HEAD", "refs/heads/main"): a binary string, since
 * git's ref names are bytes and need not be UTF-8.
 */
export type RefName = string & { readonly __brand: "RefName" };

// refs.c: check_refname_component, whose table this is.
// deno-lint-ignore no-control-regex
const FORBIDDEN = /[\x00-\x20~^:?*[\\\x7f]/;

/**
 * The ref name that a binary string spells, or `undefined` where git's
 * `check_refname_format` refuses it. One-level names such as "HEAD" pass here,
 * as with `REFNAME_ALLOW_ONELEVEL`.
 */
export function parseRefName(text: string): RefName | undefined {
  if (text === "" || text === "@" || text.length > 4096) return undefined;
  if (FORBIDDEN.test(text) || text.includes("..") || text.includes("@{")) {
    return undefined;
  }
  if (text.endsWith(".")) return undefined;
  for (const component of text.split("/")) {
    if (component === "" || component.startsWith(".")) return undefined;
    if (component.endsWith(".lock")) return undefined;
  }
  return text as RefName;
}

/**
 * Whether a name may be looked up in a repository: a valid name that is under
 * `refs/` or a root ref such as HEAD (upper-case letters, `-` and `_`), so
 * that no file such as "config" is ever read as a ref (refs.c:
 * refname_is_safe, is_root_ref_syntax).
 */
export function isSafeRefName(name: RefName): boolean {
  return name.startsWith("refs/")
    ? name.length > "refs/".length
    : /^[A-Z_-]+$/.test(name);
}
