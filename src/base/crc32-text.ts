/** A CRC-32 as it stands in manifests, summaries and messages: eight hexadecimal digits. */
export function crc32Text(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, '0');
}
