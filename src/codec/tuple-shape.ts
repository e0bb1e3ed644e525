import { unencodable } from './unencodable.ts';

/** Throws UnencodableValueError unless `value` is an array of exactly `size` parts. */
export function checkTuple(value: unknown, size: number, codec: string): void {
  if (Array.isArray(value) && value.length === size) return;
  throw unencodable({
    codec,
    value,
    allowed: `an array of ${size} part${size === 1 ? '' : 's'}`,
    remedy: 'Emit as many parts as the job declares.',
  });
}
