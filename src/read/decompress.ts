/**
 * Decompresses a file as a stream. Files may be several compressed streams, one after the other (`cat a.gz b.gz`,
 * pigz, bgzip, zstd with several threads), and the runtime's decoders see to that only in part: its zstd decoder drops,
 * without an error, what follows a first stream that ends inside a chunk. So each stream gets a decoder of its own here,
 * and what one has not taken goes to the next.
 *
 *     chunks    |---- stream 1 ---------|---- stream 1 --|== stream 2 ==|======...
 *                                                         ^ not taken by the first decoder
 *
 * Memory: a chunk, and about one buffer of output, however well it was compressed: the decoder rests until its output is
 * taken. It works on the runtime's thread pool while the caller works on what it got.
 */
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { InputFile } from './input-file.ts';
import { compressionOf } from './input-file.ts';

/**
 * @param source  may reuse a chunk's memory once it is asked for the next
 * @param fileName  for messages
 * @throws CorruptInputError when the bytes end too soon or are not what the file's name or first bytes say
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
          if (decoder.bytesTaken === 0) throw new DecodingError('its first bytes are not known');
          decoder.close();
          decoder = undefined;
        }
      }
    }
    if (decoder !== undefined) yield* decoder.end();
  } catch (error) {
    if (!(error instanceof DecodingError)) throw error;
    const isNamed = compressionOf(fileName) === compression;
    const remedy = `Check it with '${compression} -t', and copy it again if it was cut short`;
    throw new MapReduceError(
      'CorruptInputError',
      isNamed
        ? `${fileName} is not a whole ${compression} file, as its name says: ${error.message}. ${remedy}; a file that is not compressed needs another extension.`
        : `${fileName} is not a whole ${compression} file, as its first bytes say: ${error.message}. ${remedy}.`,
      { details: { file: fileName }, cause: error.cause },
    );
  } finally {
    decoder?.close();
  }
}

/** The largest that the format has on 64-bit machines: `zstd --long=31`. The decoder takes memory as the file needs it. */
const ZSTD_WINDOW_LOG_MAX = 31;

type Compression = Exclude<InputFile['compression'], 'none'>;

/** What the decoder says about the bytes, told apart from what the source throws. */
class DecodingError extends Error {}

/** One decoder of the runtime, fed chunk by chunk: its events as a generator. */
class StreamDecoder {
  private readonly stream;
  private error: Error | undefined;
  private writing = false;
  private wake: () => void = () => {};

  constructor(compression: Compression) {
    const options = { chunkSize: LIMITS.inputChunkBytes };
    this.stream =
      compression === 'gzip'
        ? createGunzip(options)
        : createZstdDecompress({
            ...options,
            params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX },
          });
    const wake = () => this.wake();
    this.stream.on('readable', wake);
    this.stream.on('end', wake);
    this.stream.on('error', (error: Error) => {
      this.error = error;
      this.wake();
    });
  }

  /** Since the stream's start. */
  get bytesTaken(): number {
    return this.stream.bytesWritten;
  }

  /** Yields what comes of the bytes; answers how many were taken: not all when the compressed stream ends among them. */
  async *feed(bytes: Buffer): AsyncGenerator<Buffer, number> {
    const before = this.bytesTaken;
    this.writing = true;
    this.stream.write(bytes, () => {
      this.writing = false;
      this.wake();
    });
    yield* this.output(() => !this.writing);
    return this.bytesTaken - before;
  }

  /** No more bytes will come: yields what is left. */
  async *end(): AsyncGenerator<Buffer, void> {
    this.stream.end();
    yield* this.output(() => this.stream.readableEnded);
  }

  close(): void {
    this.stream.destroy();
  }

  private async *output(isComplete: () => boolean): AsyncGenerator<Buffer, void> {
    for (;;) {
      if (this.error !== undefined) throw new DecodingError(this.error.message, { cause: this.error });
      const bytes: Buffer | null = this.stream.read();
      if (bytes !== null) {
        yield bytes;
        continue;
      }
      if (isComplete()) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

function withoutLeadingZeros(bytes: Buffer): Buffer {
  const data = bytes.findIndex((byte) => byte !== 0);
  return data === -1 ? bytes.subarray(bytes.length) : bytes.subarray(data);
}
