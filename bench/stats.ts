/**
 * The arithmetic of the bench: medians, ratios, figures as text, and an
 * aligned table. Pure; what is measured and how is told in `measure.ts`.
 *
 * @module
 */

/**
 * The middle of a non-empty list of numbers; of an even count, the mean of the
 * two middle ones.
 *
 * @throws {RangeError} when the list is empty
 */
export function median(values: readonly number[]): number {
  if (values.length === 0) {
    throw new RangeError("Cannot take a median: empty list");
  }
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  if (sorted.length % 2 === 1) return upper;
  return (upper + (sorted[middle - 1] as number)) / 2;
}

/** `value / base`, or `undefined` where that says nothing (no or zero base). */
export function ratio(
  value: number,
  base: number | undefined,
): number | undefined {
  if (base === undefined || base === 0) return undefined;
  return value / base;
}

/** A number with as many digits as a reader can use: 3 significant ones. */
export function figure(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(2);
}

/** A ratio as text, `-` where there is none. */
export function ratioText(value: number | undefined): string {
  return value === undefined ? "-" : `${value.toFixed(2)}x`;
}

/** A count with thin groups of three, as `12 345 678`. */
export function grouped(count: number): string {
  return Math.round(count).toString().replace(/\B(?=(\d{3})+$)/g, " ");
}

/** How the cells of one column line up. */
export type Alignment = "left" | "right";

/**
 * Lines up rows of cells under a head, two spaces between columns, without
 * blanks at line ends. Every row must be as long as the head.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  alignment: readonly Alignment[],
): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length))
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => {
      const width = widths[column] as number;
      return alignment[column] === "left"
        ? cell.padEnd(width)
        : cell.padStart(width);
    }).join("  ").trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [line(head), rule, ...rows.map(line)].join("\n");
}
