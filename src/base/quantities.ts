/** Formats counts, bytes and times for people, without a locale: the same on every machine. Bytes use powers of ten. */

/** `1,234,567` */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `512 B`, `1.50 kB`, `64.0 MB`, `1.20 GB` */
export function formatBytes(bytes: number): string {
  return scaled(bytes, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

/** `950 records/s`, `1.25 M records/s` */
export function formatRecordRate(recordsPerSecond: number): string {
  return scaled(recordsPerSecond, ['records/s', 'k records/s', 'M records/s', 'G records/s']);
}

/** `83.4 MB/s` */
export function formatByteRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** `87 ms`, `1.83 s`, `12.3 s`, `2 min 5 s`, `1 h 2 min` */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** For estimates, in whole seconds: `1 s`, `42 s`, `2 min 5 s` */
export function formatSeconds(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000);
}

/** `1 file`, `236 files` */
export function formatCountOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Three significant digits, and the largest unit that fits. */
function scaled(amount: number, units: readonly string[]): string {
  let unit = 0;
  let rest = amount;
  // 999.5 would round to 1000.
  while (rest >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  const digits = unit === 0 ? 0 : rest < 9.995 ? 2 : rest < 99.95 ? 1 : 0;
  return `${rest.toFixed(digits)} ${units[unit]}`;
}
