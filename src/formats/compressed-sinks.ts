/**
 * Compressed files. The plain bytes of a file are cut into blocks of LIMITS.compressedBlockBytes, and each block becomes a gzip
 * member or a zstd frame of its own:
 *
 *     plain     |---- 1 MiB ----|---- 1 MiB ----|-- rest --|
 *     stored    | member |  member  | member |              a file of several members is valid, as is their concatenation
 *
 * So blocks are compressed at the same time on the runtime's thread pool, memory is bounded, and the bytes do not depend on
 * when the engine sends them. gzip, zstd, DuckDB, polars, Spark and this project read such files.
 */
import { MapReduceError } from '../base/errors.ts';
import { checkOptionNames } from '../base/nearest-name.ts';
import { ownFields } from './file-sinks.ts';
import type { FileCompression, Sink } from './sink.ts';

export interface CompressionOptions {
  /** How hard to try: 1 (fast) to 9 for gzip, default 6; 1 to 19 for zstd, default 3. */
  readonly level?: number;
}

/**
 * Compresses the files of another sink with gzip: `gzip(csv([...]))` writes `part-r-00000.csv.gz`.
 *
 * @throws JobDefinitionError for a level out of bounds, and for a sink that is compressed already
 *
 * @example
 * output: gzip(tsv()),
 */
export function gzip<K, V>(sink: Sink<K, V>, options: CompressionOptions = {}): Sink<K, V> {
  return compressed(sink, 'gzip', options);
}

/**
 * Compresses the files of another sink with zstd, which is several times faster than gzip and compresses better:
 * `zstd(jsonLines())` writes `part-r-00000.jsonl.zst`.
 *
 * @throws JobDefinitionError for a level out of bounds, and for a sink that is compressed already
 *
 * @example
 * output: zstd(jsonLines<Row>(), { level: 9 }),
 */
export function zstd<K, V>(sink: Sink<K, V>, options: CompressionOptions = {}): Sink<K, V> {
  return compressed(sink, 'zstd', options);
}

const CODECS = {
  gzip: { extension: 'gz', levelDefault: 6, levelMax: 9 },
  zstd: { extension: 'zst', levelDefault: 3, levelMax: 19 },
} as const;

function compressed<K, V>(
  sink: Sink<K, V>,
  codec: FileCompression['codec'],
  options: CompressionOptions,
): Sink<K, V> {
  checkOptionNames(`${codec}()`, options, ['level']);
  const { level = CODECS[codec].levelDefault } = options;
  const { extension, levelMax } = CODECS[codec];
  if (typeof sink?.createWriter !== 'function') {
    throw new MapReduceError(
      'JobDefinitionError',
      `${codec}() needs an output format, for example ${codec}(tsv())`,
    );
  }
  if (sink.compression !== undefined) {
    throw new MapReduceError(
      'JobDefinitionError',
      `${codec}(): the files of ${sink.name} are compressed with ${sink.compression.codec} already. Remove one of the two`,
    );
  }
  if (!Number.isInteger(level) || level < 1 || level > levelMax) {
    throw new MapReduceError(
      'JobDefinitionError',
      `${codec}(): the level must be a whole number from 1 to ${levelMax}; received ${String(level)}`,
    );
  }
  return {
    ...ownFields(sink),
    name: `${codec}(${sink.name})`,
    extension: `${sink.extension}.${extension}`,
    compression: { codec, level },
  };
}
