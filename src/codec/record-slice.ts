/**
 * One encoded record, as ranges [start, end) of the bytes that hold it. A cursor, not a value: whoever steps through
 * records has one and moves it, so that passing a record on allocates nothing. Its bytes are valid until its owner
 * moves on; who needs them longer copies them.
 *
 * It costs what six positional arguments cost (docs/decisions/0020-record-slices.md): a call that is not inlined passes
 * those through memory too.
 */
export class RecordSlice {
  keyBytes: Buffer = NO_BYTES;
  keyStart = 0;
  keyEnd = 0;
  valueBytes: Buffer = NO_BYTES;
  valueStart = 0;
  valueEnd = 0;
}

export const NO_BYTES = Buffer.alloc(0);
