/** What a plan has to say to those who read the report. */
import { LIMITS } from '../base/limits.ts';
import { formatBytes } from '../base/quantities.ts';
import type { JobPlan, PartitionPlan } from './task.ts';

export function planNotices({ settings: { partition }, inputLeftOut = [] }: JobPlan): string[] {
  return [...leftOutNotice(inputLeftOut), ...sampleNotice(partition)];
}

function leftOutNotice(folders: readonly string[]): string[] {
  const [first] = folders;
  if (first === undefined) return [];
  const [what, more] =
    folders.length === 1
      ? ['it is the result of an earlier job', '']
      : ['they are results of earlier jobs', ` and ${folders.length - 1} more`];
  return [
    `${first}${more} was not read: ${what}, below a folder that was named. To read one, name it itself`,
  ];
}

function sampleNotice(partition: PartitionPlan): string[] {
  if (partition.kind !== 'range' || partition.isPartlySampled !== true) return [];
  return [
    `the parts may differ much in size: byRange() sampled the first ${formatBytes(LIMITS.sampleStreamBytesMax)} of the compressed input, not all of it. Uncompressed input is sampled everywhere`,
  ];
}

/** For a report, which leaves the field out where there is nothing to say. */
export function noticesField(notices: readonly string[]): { notices?: readonly string[] } {
  return notices.length === 0 ? {} : { notices };
}
