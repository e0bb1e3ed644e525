import type { Phase, PhaseClock } from '../base/phase-clock.ts';
import type { AttemptControl } from '../base/progress.ts';
import type { RecordSink } from './record-sink.ts';

/** The phases that the steps of a merge count in. */
export interface MergeTiming {
  readonly phases: PhaseClock;
  /** Awaiting the next block. */
  readonly fetch: Phase;
  /** Processing the records of a block. */
  readonly consume: Phase;
}

export interface MergeOptions {
  readonly sink: Pick<RecordSink, 'wantsFlush' | 'flush'>;
  readonly chunkBytes: number;
  readonly control: AttemptControl;
  /** Called about once per block. */
  readonly onStretch?: () => void;
  readonly timing?: MergeTiming;
}
