/**
 * Decompresses a file as a stream. A file may consist of several compressed streams in sequence (`cat a.gz b.gz`, pigz,
 * bgzip, zstd with several threads). The runtime's decoders support that only in part: if a first stream ends inside a
 * chunk, the zstd decoder silently drops what follows. So each stream gets a decoder of its own here, and bytes that one
 * decoder has not consumed go to the next.
 *
 *     chunks    |---- stream 1 ---------|---- stream 1 --|== stream 2 ==|======...
 *                                                         ^ not consumed by the first decoder
 *
 * Memory: a chunk, and about one buffer of output, whatever the compression ratio: the decoder pauses until its output is
 * read. It works on the runtime's thread pool while the caller processes earlier output.
 */
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { InputFile } from './input-file.ts';
import { compressionOf } from './input-file.ts';

/**
 * @param source  may reuse the memory of a chunk once the next one is requested
 * @param fileName  for messages
 * @throws CorruptInputError if the bytes end too early, or do not have the format that the file's name or first bytes show
 */
export async function* decompress(
  source: AsyncIterable<Buffer>,
  { compression, fileName }: { compression: Compression; fileName: string },
): AsyncGenerator<Buffer, undefined> {
  let decoder: StreamDecoder | undefined;
  let streams = 0;
  try {
    for await (const chunk of source) {
      for (let rest = chunk; rest.length > 0; ) {
        if (decoder === undefined) {
          // Tapes and block devices pad with zeros, and gzip ignores them.
          if (compression === 'gzip' && streams > 0) rest = withoutLeadingZeros(rest);
          if (rest.length === 0) break;
          decoder = new StreamDecoder(compression);
          streams += 1;
        }
        const bytesTaken: number = yield* decoder.feed(rest);
        rest = rest.subarray(bytesTaken);
        if (rest.length > 0) {
          if (decoder.bytesTaken === 0) throw new DecodingError('its first bytes are not valid');
          decoder.close();
          decoder = undefined;
        }
      }
    }
    if (decoder !== undefined) yield* decoder.end();
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error;
    const isNamed = compressionOf(fileName) === compression;
    const remedy = `Check it with '${compression} -t', and copy it again if it is truncated`;
    throw new MapReduceError(
      'CorruptInputError',
      isNamed
        ? `${fileName} has the name of a ${compression} file, but is damaged or not one: ${error.message}. ${remedy}; rename it if it is not compressed.`
        : `${fileName} starts like a ${compression} file, but is damaged: ${error.message}. ${remedy}.`,
      { details: { file: fileName }, cause: error.cause },
    );
  } finally {
    decoder?.close();
  }
}

/** The maximum window of the format on 64-bit machines: `zstd --long=31`. The decoder allocates only what the file needs. */
export const ZSTD_PARAMS = { [constants.ZSTD_d_windowLogMax]: 31 };

export type Compression = Exclude<InputFile['compression'], 'none'>;

/** An error of the decoder, as opposed to one of the source. */
class DecodingError extends Error {}

/** A decoder of the runtime that is fed chunk by chunk. It turns the decoder's events into a generator. */
class StreamDecoder {
  readonly #stream;
  #error: Error | undefined;
  #writing = false;
  #wake: () => void = () => {};

  constructor(compression: Compression) {
    const options = { chunkSize: LIMITS.inputChunkBytes };
    this.#stream =
      compression === 'gzip'
        ? createGunzip(options)
        : createZstdDecompress({
            ...options,
            params: ZSTD_PARAMS,
          });
    const wake = () => this.#wake();
    this.#stream.on('readable', wake);
    this.#stream.on('end', wake);
    this.#stream.on('error', (error: Error) => {
      this.#error = error;
      this.#wake();
    });
  }

  /** How many bytes were consumed since the start of the stream. */
  get bytesTaken(): number {
    return this.#stream.bytesWritten;
  }

  /** Yields the output of the bytes. Returns how many bytes were consumed: fewer if the compressed stream ends among them. */
  async *feed(bytes: Buffer): AsyncGenerator<Buffer, number> {
    const before = this.bytesTaken;
    this.#writing = true;
    this.#stream.write(bytes, () => {
      this.#writing = false;
      this.#wake();
    });
    yield* this.#output(() => !this.#writing);
    return this.bytesTaken - before;
  }

  /** Called after the last bytes: yields the rest of the output. */
  async *end(): AsyncGenerator<Buffer, void> {
    this.#stream.end();
    yield* this.#output(() => this.#stream.readableEnded);
  }

  close(): void {
    this.#stream.destroy();
  }

  async *#output(isComplete: () => boolean): AsyncGenerator<Buffer, void> {
    for (;;) {
      if (this.#error !== undefined) throw new DecodingError(this.#error.message, { cause: this.#error });
      const bytes: Buffer | null = this.#stream.read();
      if (bytes !== null) {
        yield bytes;
        continue;
      }
      if (isComplete()) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function withoutLeadingZeros(bytes: Buffer): Buffer {
  const data = bytes.findIndex((byte) => byte !== 0);
  return data === -1 ? bytes.subarray(bytes.length) : bytes.subarray(data);
}
