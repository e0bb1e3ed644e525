/** A piece of a stored file, or of generated input, as a source reads it. */
import { isMapReduceError, MapReduceError, withDetails } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { type PhaseClock, untimed } from '../base/phase-clock.ts';
import type { BadRecord, OpenPiece, PlainJson, Source } from '../formats/source.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { fileKind, KIND_BYTES, notReadable } from './file-kind.ts';
import type { SplitPiece } from './input-file.ts';
import { type BytesRead, pieceBytes } from './piece-bytes.ts';

export interface OpenOptions {
  readonly store: ObjectStore;
  readonly recordBytesMax: number;
  readonly params?: OpenPiece['params'] | undefined;
  readonly chunkBytes: number | undefined;
  /** Throws unless the record may be skipped. */
  readonly onBad: (record: BadRecord) => void;
  readonly count: (counter: string, amount?: number) => void;
  /** Counts waiting for bytes. Default: nothing is timed. */
  readonly phases?: PhaseClock;
}

export class StoredPiece implements OpenPiece {
  readonly file: string;
  readonly startBytes: number;
  readonly endBytes: number;
  readonly records?: number;
  readonly hint?: PlainJson;
  readonly params?: NonNullable<OpenPiece['params']>;
  readonly recordBytesMax: number;
  readonly bad: (record: BadRecord) => void;
  readonly count: (counter: string, amount?: number) => void;
  look: PlainJson | undefined;
  /** For messages: an absolute path, or the address of an object. */
  readonly fileName: string;
  /** Where the last chunk that was handed out starts and ends in the uncompressed file. */
  chunkStart: number;
  chunkEnd: number;
  /** Bytes read from the store; compressed bytes for a compressed file. */
  readonly read: BytesRead = { bytes: 0 };

  readonly #piece: SplitPiece;
  readonly #store: ObjectStore;
  readonly #chunkBytes: number | undefined;
  readonly #phases: PhaseClock;
  #content: AsyncIterator<Buffer> | undefined;
  #first: Buffer | undefined;

  constructor(
    piece: SplitPiece,
    { store, recordBytesMax, params, chunkBytes, onBad, count, phases = untimed() }: OpenOptions,
  ) {
    const { file, startBytes, endBytes, records, hint } = piece;
    this.#piece = piece;
    this.#store = store;
    this.#chunkBytes = chunkBytes;
    this.#phases = phases;
    this.file = file.key;
    this.fileName = file.key.startsWith('/') || file.key === '' ? file.key : `${store.location}/${file.key}`;
    this.startBytes = startBytes;
    const isToEnd = file.key !== '' && (file.compression !== 'none' || endBytes === file.sizeBytes);
    this.endBytes = isToEnd ? Number.POSITIVE_INFINITY : endBytes;
    if (records !== undefined) this.records = records;
    if (hint !== undefined) this.hint = hint;
    this.look = file.look;
    if (params !== undefined) this.params = params;
    this.recordBytesMax = recordBytesMax;
    this.bad = onBad;
    this.count = count;
    this.chunkStart = this.chunkEnd = Math.max(0, startBytes - 1);
  }

  /** Looks at the first bytes of a compressed file: the plan saw only the compressed ones. */
  async lookInside({ isText = false, look }: Source<unknown>): Promise<void> {
    if (this.#piece.file.compression === 'none' || (!isText && look === undefined)) return;
    const content = this.#bytes()[Symbol.asyncIterator]();
    this.#content = content;
    const { done, value } = await this.#next(content);
    if (done) return;
    this.#first = value;
    const head = value.subarray(0, KIND_BYTES);
    this.look = look?.(head);
    if (this.look === undefined && isText) refuseOtherFormats(head, this.fileName);
  }

  /** Like range(), a source may take it out of the piece. */
  readonly chunks = (): AsyncGenerator<Buffer, undefined> => this.#chunks();

  async *#chunks(): AsyncGenerator<Buffer, undefined> {
    const content = this.#content ?? this.#bytes()[Symbol.asyncIterator]();
    this.#content = content;
    if (this.#first !== undefined) yield this.#handOut(this.#first);
    this.#first = undefined;
    for (;;) {
      const { done, value } = await this.#next(content);
      if (done) return;
      yield this.#handOut(value);
    }
  }

  /** The reader awaits it, and does nothing else meanwhile. */
  #next(content: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
    return this.#phases.timeAsync('waiting', () => content.next());
  }

  readonly range = async (startBytes: number, endBytes: number): Promise<Buffer> => {
    const { file } = this.#piece;
    if (file.compression !== 'none' || file.key === '') {
      const what = file.key === '' ? 'generated input' : `a ${file.compression} file`;
      throw new MapReduceError(
        'JobDefinitionError',
        `the input format reads a range of ${what}, which has none. In the format's read(), use piece.chunks()`,
      );
    }
    const range = { start: startBytes, end: Math.min(endBytes, file.sizeBytes) };
    if (range.start >= range.end) return Buffer.alloc(0);
    try {
      const read = () => this.#store.get(file.key, { range, ifMatch: file.etag });
      const bytes = await this.#phases.timeAsync('waiting', read);
      this.read.bytes += bytes.length;
      return bytes;
    } catch (error) {
      throw this.#explained(error);
    }
  };

  /** Closes what is still open, after the source has stopped reading. */
  async close(): Promise<void> {
    await this.#content?.return?.();
  }

  #handOut(chunk: Buffer): Buffer {
    this.chunkStart = this.chunkEnd;
    this.chunkEnd += chunk.length;
    return chunk;
  }

  /** The uncompressed bytes. */
  async *#bytes(): AsyncGenerator<Buffer, undefined> {
    const { compression, sizeBytes } = this.#piece.file;
    const stored = this.#stored();
    if (compression === 'none') {
      yield* stored;
      return;
    }
    const decoder =
      sizeBytes <= LIMITS.smallFileBytes
        ? (await import('./decompress-small.ts')).decompressSmall
        : (await import('./decompress.ts')).decompress;
    yield* decoder(stored, { compression, fileName: this.fileName });
  }

  async *#stored(): AsyncGenerator<Buffer, undefined> {
    try {
      yield* pieceBytes(this.#piece, { store: this.#store, read: this.read, chunkBytes: this.#chunkBytes });
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #explained(error: unknown): unknown {
    const { fileName } = this;
    if (isMapReduceError(error, 'PreconditionFailedError')) {
      return new MapReduceError(
        'InputChangedError',
        `${fileName} changed while the job ran: it is no longer the file of ${this.#piece.file.sizeBytes} bytes that was planned. Run the job again while nothing writes to its input, or on a copy of the input.`,
        { details: { file: fileName }, cause: error },
      );
    }
    if (isMapReduceError(error, 'ObjectNotFoundError')) {
      return new MapReduceError(
        'InputNotFoundError',
        `${fileName} existed when the job was planned, but was removed since. Restore it, or run the job again without it.`,
        { details: { file: fileName }, cause: error },
      );
    }
    return withDetails(error, { file: fileName });
  }
}

/** Refuses a compressed archive, or compressed text of another encoding. */
function refuseOtherFormats(head: Buffer, fileName: string): void {
  const found = fileKind(head, { isText: true });
  if (found.kind === 'none') return;
  if (found.kind === 'refused')
    throw notReadable(fileName, { ...found, what: `${found.what} in a compressed file` });
  throw notReadable(fileName, {
    what: `a ${found.kind} file that was compressed again`,
    remedy: 'Decompress it once',
  });
}
