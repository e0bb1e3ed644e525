import type { Codec } from './codec.ts';

const LENGTH_MAX = 200;
const HEX_BYTES_MAX = 64;

/** A key for a message, at most 200 characters: as JSON, or its bytes in hexadecimal where it does not decode. */
export function printKey(codec: Codec<unknown>, bytes: Buffer, start: number, end: number): string {
  let text: string;
  try {
    text = JSON.stringify(codec.decode(bytes, start, end));
  } catch {
    text = `0x${bytes.toString('hex', start, Math.min(end, start + HEX_BYTES_MAX))}`;
  }
  return text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX - 3)}...` : text;
}
