/**
 * Names that nothing else has: of files that are being written, of jobs. They are not secret. Loading node:crypto takes 5 ms
 * in every thread, which a small job would notice, so they come from the runtime's generator, which each thread seeds from the
 * system's entropy.
 */

/** @returns that many random hexadecimal digits */
export function randomHex(digits: number): string {
  let text = '';
  while (text.length < digits)
    text += Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return text.slice(0, digits);
}
