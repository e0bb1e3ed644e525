/** Formats text tables and the numbers in them. */

/** Makes each column as wide as its widest cell. Aligns the first column left and the others, which contain numbers, right. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Formats with three significant digits: 0.0912, 0.912, 9.12, 91.2, 912. */
export function formatSeconds(ms: number): string {
  const seconds = ms / 1000;
  const decimals = seconds >= 100 ? 0 : seconds >= 10 ? 1 : seconds >= 0.1 ? 2 : 3;
  return seconds.toFixed(decimals);
}

/** 81.2 M, 812 k, 812. */
export function formatCount(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(count >= 1e8 ? 0 : 1)} M`;
  if (count >= 1e4) return `${Math.round(count / 1e3)} k`;
  return String(Math.round(count));
}

/** Formats in MiB (2^20), or in KiB if the value is below 1 MiB. */
export function formatBytes(bytes: number): string {
  return bytes < 1 << 20 ? `${(bytes / 1024).toFixed(0)} KiB` : `${(bytes / (1 << 20)).toFixed(0)} MiB`;
}

/** Formats in MB (10^6 bytes) per second. */
export function formatRate(bytes: number, ms: number): string {
  const megabytes = bytes / 1e3 / ms;
  return megabytes.toFixed(megabytes >= 100 ? 0 : megabytes >= 1 ? 1 : 3);
}

/** Formats as `0.83x`, or as a dash if the ratio is unknown. */
export function formatRatio(value: number | undefined): string {
  return value === undefined ? '-' : `${value.toFixed(value >= 10 ? 1 : 2)}x`;
}
