/**
 * One encoded record, as ranges [start, end) of the bytes that hold it. It is a cursor, not a value: its owner steps
 * through records by changing it, so passing a record on allocates nothing. Its bytes are valid until the owner's next
 * step; copy them to keep them longer.
 *
 * It costs the same as six positional arguments (docs/decisions/0020-record-slices.md): a call that is not inlined also
 * passes those through memory.
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
