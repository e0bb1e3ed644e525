import type { Codec, KeyType, TypeOf, ValueType } from '../codec/codec.ts';
import { resolveKeyCodec, resolveValueCodec } from '../codec/resolve.ts';
import type { Sink } from '../formats/sink.ts';
import type { Source } from '../formats/source.ts';
import { checkHead, cutRecords, RecordsReader } from './records-reader.ts';
import { RecordsWriter } from './records-writer.ts';

/**
 * Typed parts, to hand on results from one job to the next: as `output`, it writes keys and values as the engine encodes them;
 * as `input`, it reads them again, as pairs. Nothing is lost or changed, as in a text: -0, empty strings, newlines, lone
 * surrogates in JSON. Files have the extension `records`. They are compressed (zstd, in blocks) and checksummed, and may be cut
 * between any two blocks.
 *
 * Types are given as for `key` and `value` of a job. A file names the types of its records, so a job that reads other types
 * fails with a CorruptInputError when it is planned. So does a job whose input is damaged, cut off, compressed once more, or
 * was not written by records().
 *
 * @throws JobDefinitionError for what is not a type
 *
 * @example
 * // The first job:
 * output: records('string', ['number', 'number']),   // emit('be', [3, 0.5])
 * // The second one:
 * input: records('string', ['number', 'number']),
 * map: ([word, [count, share]], { emit }) => emit(share, word),
 */
export function records<const K extends KeyType, const V extends ValueType>(
  key: K,
  value: V,
): Source<readonly [TypeOf<K>, TypeOf<V>]> & Sink<TypeOf<K>, TypeOf<V>> {
  // The casts: resolving a type gives the codec of its values.
  const keyCodec = resolveKeyCodec(key) as Codec<TypeOf<K>>;
  const valueCodec = resolveValueCodec(value) as Codec<TypeOf<V>>;
  const types = { key: keyCodec.name, value: valueCodec.name };
  return {
    name: `records(${types.key}, ${types.value})`,
    counts: 'records',
    cuts: { files: (file) => cutRecords(file, types) },
    look(head) {
      checkHead(head, types);
      return undefined;
    },
    read: (piece) => new RecordsReader(piece, keyCodec, valueCodec),
    extension: 'records',
    recordWise: false,
    createWriter: () => new RecordsWriter(keyCodec, valueCodec),
  };
}
