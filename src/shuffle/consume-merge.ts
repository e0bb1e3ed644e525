/**
 * Passes the records of a merge to a sink. It consumes them in synchronous stretches. Between two stretches, it awaits
 * the next block of a run, or the sink.
 */
import { type Phase, type PhaseClock, untimed } from '../base/phase-clock.ts';
import type { AttemptControl } from '../base/progress.ts';
import type { RecordSlice } from '../codec/record-slice.ts';
import type { KWayMerge } from './merge.ts';
import { openMerge } from './open-runs.ts';
import type { RunSegment } from './run-reader.ts';

/** Receives records. */
export interface RecordSink {
  append(record: Readonly<RecordSlice>): void;
  /** Whether the caller should await flush() before it appends many more records. */
  readonly wantsFlush: boolean;
  flush(): Promise<void>;
}

/** Processes records before they reach a sink. */
export interface RecordConsumer {
  /** Consumes records. Returns true when the merge must be awaited, and false when the sink must be flushed. */
  takeStretch(merge: KWayMerge): boolean;
  /** Called once, after the last record. */
  finish(): void;
  readonly recordsRead: number;
}

/** The phases that the steps of a merge count in. */
export interface MergeTiming {
  readonly phases: PhaseClock;
  /** Awaiting the next block. */
  readonly fetch: Phase;
  /** Processing the records of a block. */
  readonly consume: Phase;
}

/** Opens the segments, consumes all of their records and closes them. Reads in chunks of `chunkBytes`. */
export async function consumeMerge(
  segments: readonly RunSegment[],
  {
    consumer,
    sink,
    chunkBytes,
    control,
    onStretch = () => {},
    timing: { phases, fetch, consume } = { phases: untimed(), fetch: 'other', consume: 'other' },
  }: {
    consumer: RecordConsumer;
    sink: Pick<RecordSink, 'wantsFlush' | 'flush'>;
    chunkBytes: number;
    control: AttemptControl;
    /** Called about once per block. */
    onStretch?: () => void;
    timing?: MergeTiming;
  },
): Promise<void> {
  if (segments.length === 0) return;
  const before = phases.enter(fetch);
  const flush = () => phases.timeAsync('writing', () => sink.flush());
  const merge = openMerge(segments, chunkBytes, phases);
  try {
    while (await merge.ready()) {
      control.check();
      phases.enter(consume);
      while (!consumer.takeStretch(merge)) {
        control.check();
        await flush();
      }
      if (sink.wantsFlush) await flush();
      onStretch();
      phases.enter(fetch);
    }
    phases.enter(consume);
    consumer.finish();
  } finally {
    await merge.close();
    phases.enter(before);
  }
}

/** Passes every record on unchanged, without decoding it. */
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
