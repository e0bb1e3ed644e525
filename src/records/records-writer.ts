import { giveBuffer } from '../base/buffer-pool.ts';
import { LIMITS } from '../base/limits.ts';
import { appendBytes } from '../codec/append-bytes.ts';
import type { ByteSink, Codec } from '../codec/codec.ts';
import { GrowableSink } from '../codec/growable-sink.ts';
import { RecordSlice } from '../codec/record-slice.ts';
import type { EncodedRecordWriter, FileWriter } from '../formats/sink.ts';
import { readBlockHeader } from '../shuffle/block.ts';
import { RunWriter } from '../shuffle/run-writer.ts';
import { type BlockEntry, encodeHeader, encodeIndex } from './records-file.ts';

/** Writes one file of typed records. It holds one block, and 8 bytes for each block that it has written. */
export class RecordsWriter<K, V> implements FileWriter<K, V> {
  readonly #keyCodec: Codec<unknown>;
  readonly #valueCodec: Codec<unknown>;
  readonly #blocks: RunWriter;
  readonly #entries: BlockEntry[] = [];
  readonly #key = new GrowableSink();
  readonly #value = new GrowableSink();
  readonly #slice = new RecordSlice();
  /** Blocks that are sealed, but not appended to the file: none, except while a record is written. */
  readonly #sealed: Buffer[] = [];
  #bytesWritten = 0;

  constructor(keyCodec: Codec<unknown>, valueCodec: Codec<unknown>) {
    this.#keyCodec = keyCodec;
    this.#valueCodec = valueCodec;
    this.#blocks = new RunWriter({
      compression: { codec: 'zstd', level: 1 },
      blockBytes: LIMITS.blockBytes,
      emitBlock: (block) => {
        this.#entries.push({ lengthBytes: block.length, records: readBlockHeader(block, 0, '').records });
        this.#sealed.push(block);
      },
    });
  }

  begin(out: ByteSink): void {
    this.#appendToFile(encodeHeader({ key: this.#keyCodec.name, value: this.#valueCodec.name }), out);
  }

  write(key: K, value: V, out: ByteSink): void {
    const keySink = this.#key;
    const valueSink = this.#value;
    const slice = this.#slice;
    keySink.reset();
    valueSink.reset();
    this.#keyCodec.encode(key, keySink);
    this.#valueCodec.encode(value, valueSink);
    slice.keyBytes = keySink.bytes;
    slice.keyEnd = keySink.end;
    slice.valueBytes = valueSink.bytes;
    slice.valueEnd = valueSink.end;
    this.#append(slice, out);
  }

  end(out: ByteSink): void {
    this.#blocks.endPartition();
    this.#appendSealed(out);
    this.#appendToFile(encodeIndex(this.#entries, this.#bytesWritten), out);
  }

  encodedWriter(key: Codec<unknown>, value: Codec<unknown>): EncodedRecordWriter | undefined {
    // Codecs that write different bytes have different names.
    if (key.name !== this.#keyCodec.name || value.name !== this.#valueCodec.name) return undefined;
    return (record, out) => this.#append(record, out);
  }

  #append(record: Readonly<RecordSlice>, out: ByteSink): void {
    this.#blocks.append(record);
    if (this.#sealed.length > 0) this.#appendSealed(out);
  }

  #appendSealed(out: ByteSink): void {
    for (const block of this.#sealed) {
      this.#appendToFile(block, out);
      giveBuffer(block);
    }
    this.#sealed.length = 0;
  }

  #appendToFile(bytes: Buffer, out: ByteSink): void {
    appendBytes(bytes, 0, bytes.length, out);
    this.#bytesWritten += bytes.length;
  }
}
