/**
 * A local file for output that must leave memory in the middle of a synchronous call (one reduce of a giant group). It is
 * appended to, read once from its start, and removed.
 */
import { closeSync, rmSync } from 'node:fs';
import { MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { openLocalFile, readAt, writeFully } from './local-file.ts';

export class OverflowFile {
  readonly #path: string;
  readonly #file: number;
  #bytes = 0;

  constructor(path: string) {
    this.#path = path;
    this.#file = openLocalFile(path, 'w+');
  }

  append(bytes: Buffer): void {
    writeFully(this.#file, bytes);
    this.#bytes += bytes.length;
  }

  /** A chunk is valid until the reader requests the next one. */
  *chunks(): Generator<Buffer> {
    const chunk = Buffer.allocUnsafeSlow(LIMITS.uploadChunkBytes);
    for (let at = 0; at < this.#bytes; ) {
      const read = readAt(this.#file, chunk, { start: 0, end: chunk.length, position: at });
      if (read === 0) {
        throw new MapReduceError(
          'StorageError',
          `${this.#path} was truncated: only ${at} of ${this.#bytes} bytes are left`,
        );
      }
      yield chunk.subarray(0, read);
      at += read;
    }
  }

  remove(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }
}
