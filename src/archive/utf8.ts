/**
 * Whether bytes are UTF-8 by git's rules, which leave out more than others.
 *
 * @module
 */

/** Whether a binary string is UTF-8: utf8.c, is_utf8. */
export function isUtf8(text: string): boolean {
  for (let at = 0; at < text.length;) {
    const length = sequenceLength(text, at);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

/** Bytes of the character at `at`, 0 where it is none: pick_one_utf8_char. */
function sequenceLength(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first < 0x80) return 1;
  const second = text.charCodeAt(at + 1);
  if ((second & 0xc0) !== 0x80) return 0;
  if ((first & 0xe0) === 0xc0) return (first & 0xfe) === 0xc0 ? 0 : 2;
  const third = text.charCodeAt(at + 2);
  if ((third & 0xc0) !== 0x80) return 0;
  if ((first & 0xf0) === 0xe0) {
    const isOverlong = first === 0xe0 && (second & 0xe0) === 0x80;
    const isSurrogate = first === 0xed && (second & 0xe0) === 0xa0;
    const isNoCharacter = first === 0xef && second === 0xbf &&
      (third & 0xfe) === 0xbe;
    return isOverlong || isSurrogate || isNoCharacter ? 0 : 3;
  }
  if ((first & 0xf8) !== 0xf0) return 0;
  if ((text.charCodeAt(at + 3) & 0xc0) !== 0x80) return 0;
  const isOverlong = first === 0xf0 && (second & 0xf0) === 0x80;
  const isBeyond = (first === 0xf4 && second > 0x8f) || first > 0xf4;
  return isOverlong || isBeyond ? 0 : 4;
}
