/**
 * Takes the records of a merge to a sink. Records are taken in synchronous stretches, between which the next block of
 * some run, or the sink, is awaited.
 */
import type { AttemptControl } from '../base/progress.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import type { KWayMerge } from './merge.ts';
import { openMerge } from './open-runs.ts';
import type { RunSegment } from './run-reader.ts';

/** Where records go. */
export interface RecordSink {
  append(record: Readonly<RecordSlice>): void;
  /** flush() is to be awaited before many more records come. */
  readonly wantsFlush: boolean;
  flush(): Promise<void>;
}

/** What is done with records on their way to a sink. */
export interface RecordConsumer {
  /** Takes records until the merge must be awaited (true) or the sink must be flushed (false). */
  takeStretch(merge: KWayMerge): boolean;
  /** Called once, after the last record. */
  finish(): void;
  readonly recordsRead: number;
}

/** Consumes all records of the segments, which are opened in chunks of `chunkBytes` and closed. */
export async function consumeMerge(
  segments: readonly RunSegment[],
  {
    consumer,
    sink,
    chunkBytes,
    control,
    onStretch = () => {},
  }: {
    consumer: RecordConsumer;
    sink: Pick<RecordSink, 'wantsFlush' | 'flush'>;
    chunkBytes: number;
    control: AttemptControl;
    /** Called about once per block. */
    onStretch?: () => void;
  },
): Promise<void> {
  if (segments.length === 0) return;
  const merge = openMerge(segments, chunkBytes);
  try {
    while (await merge.ready()) {
      control.check();
      while (!consumer.takeStretch(merge)) {
        control.check();
        await sink.flush();
      }
      if (sink.wantsFlush) await sink.flush();
      onStretch();
    }
    consumer.finish();
  } finally {
    await merge.close();
  }
}

/** Passes every record on as it is, undecoded. */
export class RecordCopier implements RecordConsumer {
  recordsRead = 0;
  readonly #sink: RecordSink;

  constructor(sink: RecordSink) {
    this.#sink = sink;
  }

  get recordsWritten(): number {
    return this.recordsRead;
  }

  takeStretch(merge: KWayMerge): boolean {
    const sink = this.#sink;
    for (;;) {
      sink.append(merge.current);
      this.recordsRead++;
      if (!merge.next()) return true;
      if (sink.wantsFlush) return false;
    }
  }

  finish(): void {}
}
