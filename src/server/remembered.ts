/**
 * Questions that clients make us put to the system, as often as they like:
 * answers are remembered for a while, and only so many questions are under way.
 *
 * @module
 */

/** How answers are remembered. */
export interface RememberedInit<T> {
  /** Finds an answer; that it fails means `none`. */
  readonly ask: (name: string) => Promise<T>;
  /** What stands for no answer. */
  readonly none: T;
  /** Milliseconds that never run backwards. */
  readonly monotonic: () => number;
}

/** How long an answer holds. */
const KEPT_MS = 60_000;
/** So many names are remembered. */
const MAX_NAMES = 1000;
/** So many questions are under way at once; more have no answer. */
const MAX_UNDER_WAY = 32;

/** A function that asks where it does not know. It never rejects. */
export function remembered<T>(
  init: RememberedInit<T>,
): (name: string) => Promise<T> {
  const { ask, none, monotonic } = init;
  const names = new Map<string, { answer: Promise<T>; until: number }>();
  let underWay = 0;
  return (name) => {
    const now = monotonic();
    const known = names.get(name);
    if (known !== undefined && known.until > now) return known.answer;
    names.delete(name);
    if (underWay >= MAX_UNDER_WAY) return Promise.resolve(none);
    underWay++;
    const answer = ask(name).catch(() => none).finally(() => underWay--);
    names.set(name, { answer, until: now + KEPT_MS });
    const [oldest] = names.keys();
    if (names.size > MAX_NAMES && oldest !== undefined) names.delete(oldest);
    return answer;
  };
}
