import type { Codec } from './codec.ts';

const LENGTH_MAX = 200;
const HEX_BYTES_MAX = 64;

/** Formats a key for a message as JSON, or as hexadecimal if it does not decode. Returns at most 200 characters. */
export function printKey(codec: Codec<unknown>, bytes: Buffer, start: number, end: number): string {
  let text: string;
  try {
    text = JSON.stringify(codec.decode(bytes, start, end));
  } catch {
    text = `0x${bytes.toString('hex', start, Math.min(end, start + HEX_BYTES_MAX))}`;
  }
  return text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX - 3)}...` : text;
}
