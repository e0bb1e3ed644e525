/** What a plan has to say to those who read the report. */

import { LIMITS } from '../limits.ts';
import { formatBytes } from '../quantities.ts';
import type { JobPlan } from '../task.ts';

export function planNotices({ settings: { partition } }: JobPlan): string[] {
  if (partition.kind !== 'range' || partition.isPartlySampled !== true) return [];
  return [
    `the parts may differ much in size: byRange() sampled the first ${formatBytes(LIMITS.sampleStreamBytesMax)} of the compressed input, not all of it. Uncompressed input is sampled everywhere`,
  ];
}

/** For a report, which leaves the field out where there is nothing to say. */
export function noticesField(notices: readonly string[]): { notices?: readonly string[] } {
  return notices.length === 0 ? {} : { notices };
}
