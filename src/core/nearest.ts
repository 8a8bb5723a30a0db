/**
 * Which of several names a mistyped one was meant to be.
 *
 * @module
 */

/**
 * The candidate that takes the fewest edits to become from `name`, if that is
 * few for its length; the first of equals.
 */
export function nearest(
  name: string,
  candidates: readonly string[],
): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = candidate.startsWith(name) && name.length > 2
      ? 1
      : editDistance(name.slice(0, 100), candidate);
    if (distance < fewest) {
      fewest = distance;
      best = candidate;
    }
  }
  return best;
}

/** Insertions, deletions, replacements: Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(Math.min(
        (previous[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (previous[j - 1] as number) + same,
      ));
    }
    previous = row;
  }
  return previous[b.length] as number;
}
