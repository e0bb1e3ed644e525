/** Formats a CRC-32 for manifests, summaries and messages: eight hexadecimal digits. */
export function crc32Text(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, '0');
}
