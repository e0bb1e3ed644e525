import { copyBytes, equalBytes } from '../base/byte-ranges.ts';
import type { RunCursor } from './run-cursor.ts';

/** A copy of the current group's key. The block that the key came from may be released before the group ends. */
export class GroupKey {
  bytes: Buffer = Buffer.allocUnsafeSlow(256);
  end = 0;
  #prefix = -1;

  holds(cursor: RunCursor): boolean {
    return (
      this.#prefix === cursor.prefix &&
      equalBytes(this.bytes, 0, this.end, cursor.keyBytes, cursor.keyStart, cursor.keyEnd)
    );
  }

  take(cursor: RunCursor): void {
    const length = cursor.keyEnd - cursor.keyStart;
    if (length > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(2 * length);
    this.end = copyBytes(cursor.keyBytes, cursor.keyStart, cursor.keyEnd, this.bytes, 0);
    this.#prefix = cursor.prefix;
  }
}
