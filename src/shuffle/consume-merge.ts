/**
 * Passes the records of a merge to a sink. It consumes them in synchronous stretches. Between two stretches, it awaits
 * the next block of a run, or the sink.
 */
import { untimed } from '../base/phase-clock.ts';
import { mergeInBulk } from './bulk-merge.ts';
import type { KWayMerge } from './merge.ts';
import { keepMergeMemory, takeMergeMemory } from './merge-memory.ts';
import type { MergeOptions } from './merge-options.ts';
import { openMerge } from './open-runs.ts';
import type { RecordSink } from './record-sink.ts';
import type { RunSegment } from './run-reader.ts';

/** Processes records before they reach a sink. */
export interface RecordConsumer {
  /** Consumes records. Returns true when the merge must be awaited, and false when the sink must be flushed. */
  takeStretch(merge: KWayMerge): boolean;
  /** Called once, after the last record. */
  finish(): void;
  /** Consumes all records without looking at them. Undefined if that is not possible. */
  copyInBulk?(
    segments: readonly RunSegment[],
    options: Required<Omit<MergeOptions, 'sink'>>,
  ): Promise<void> | undefined;
  readonly recordsRead: number;
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
    timing = { phases: untimed(), fetch: 'other', consume: 'other' },
  }: MergeOptions & { readonly consumer: RecordConsumer },
): Promise<void> {
  if (segments.length === 0) return;
  const { phases, fetch, consume } = timing;
  const before = phases.enter(fetch);
  try {
    const copied = consumer.copyInBulk?.(segments, { chunkBytes, control, onStretch, timing });
    if (copied !== undefined) return await copied;
    const merge = openMerge(segments, chunkBytes, phases);
    const flush = () => phases.timeAsync('writing', () => sink.flush());
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
    }
  } finally {
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

  copyInBulk(
    segments: readonly RunSegment[],
    options: Required<Omit<MergeOptions, 'sink'>>,
  ): Promise<void> | undefined {
    const { bulk } = this.#sink;
    const memory = bulk && takeMergeMemory();
    if (bulk === undefined || memory === undefined) return undefined;
    const onRecords = (records: number) => {
      this.recordsRead += records;
    };
    return mergeInBulk(segments, { ...options, sink: this.#sink, bulk, memory, onRecords }).finally(() =>
      keepMergeMemory(memory),
    );
  }

  finish(): void {}
}
