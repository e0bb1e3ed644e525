/** What an output format writes, both from values and straight from their encoded bytes. */
import type { Codec } from '../../src/codec/codec.ts';
import type { Sink } from '../../src/formats/sink.ts';
import { encoded } from '../codec/laws.ts';
import { MovingSink } from '../codec/moving-sink.ts';

export interface Written {
  readonly key: unknown;
  readonly value: unknown;
}

export function written(format: Sink<never, never>, { key, value }: Written): string {
  const sink = new MovingSink();
  format.createWriter().write(key as never, value as never, sink);
  return sink.taken().toString();
}

export interface Codecs {
  readonly key: Codec<unknown>;
  readonly value: Codec<unknown>;
}

/** Called as the engine does, with key and value in the middle of larger buffers. Throws if the format has no encoded writer. */
export function writtenFromBytes(format: Sink<never, never>, codecs: Codecs, record: Written): string {
  const write = format.createWriter().encodedWriter?.(codecs.key, codecs.value);
  if (!write)
    throw new Error(`${format.name} has no encoded writer for ${codecs.key.name}, ${codecs.value.name}`);
  const key = encoded(codecs.key, record.key);
  const value = encoded(codecs.value, record.value);
  const keys = Buffer.concat([Buffer.from('\t\\'), key, Buffer.from('\t\\')]);
  const values = Buffer.concat([Buffer.from('"\n\n'), value, Buffer.from('"\n')]);
  const sink = new MovingSink();
  const slice = {
    keyBytes: keys,
    keyStart: 2,
    keyEnd: 2 + key.length,
    valueBytes: values,
    valueStart: 3,
    valueEnd: 3 + value.length,
  };
  write(slice, sink);
  return sink.taken().toString();
}
