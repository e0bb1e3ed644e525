/** A run in a local file, written synchronously. It is a spill, or the result of merging several runs. */
import { closeSync } from 'node:fs';
import { giveBuffer } from '../base/buffer-pool.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import { FileStore } from '../storage/file/file-store.ts';
import { openLocalFile, writeFully } from '../storage/local-file.ts';
import type { BlockCompression } from './block.ts';
import type { RecordSink } from './record-sink.ts';
import type { RunSegment } from './run-reader.ts';
import { RunWriter } from './run-writer.ts';

export interface LocalRunOptions {
  readonly folder: string;
  readonly compression: BlockCompression;
  readonly blockBytes: number;
}

export class LocalRun implements RecordSink {
  readonly writer: RunWriter;
  /** Blocks are written to the file as soon as they are sealed. */
  readonly wantsFlush = false;
  readonly #folder: string;
  readonly #name: string;
  readonly #file: number;

  constructor(name: string, { folder, compression, blockBytes }: LocalRunOptions) {
    this.#folder = folder;
    this.#name = name;
    this.#file = openLocalFile(`${folder}/${name}`, 'w');
    this.writer = new RunWriter({
      compression,
      blockBytes,
      emitBlock: (block) => {
        writeFully(this.#file, block);
        giveBuffer(block);
      },
    });
  }

  append(record: Readonly<RecordSlice>): void {
    this.writer.append(record);
  }

  get bulk(): RunWriter {
    return this.writer;
  }

  async flush(): Promise<void> {}

  /** Ends the run. Returns its segments, one per partition. */
  finish(): RunSegment[] {
    closeSync(this.#file);
    const store = new FileStore({ root: this.#folder });
    return this.writer.extents.map(({ startBytes, lengthBytes, records }) => ({
      store,
      key: this.#name,
      etag: undefined,
      startBytes,
      endBytes: startBytes + lengthBytes,
      records,
    }));
  }

  /** Closes the file of a run that will not be finished. */
  abandon(): void {
    closeSync(this.#file);
  }
}
