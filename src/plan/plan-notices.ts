/** What readers of the report should know about the plan. */
import { LIMITS } from '../base/limits.ts';
import { formatBytes } from '../base/quantities.ts';
import type { JobPlan, PartitionPlan } from './task.ts';

export function planNotices({ settings: { partition }, inputLeftOut = [] }: JobPlan): string[] {
  return [...leftOutNotice(inputLeftOut), ...sampleNotice(partition)];
}

function leftOutNotice(folders: readonly string[]): string[] {
  const [first] = folders;
  if (first === undefined) return [];
  const more = folders.length === 1 ? '' : ` and ${folders.length - 1} more`;
  const reason =
    folders.length === 1
      ? 'was not read: it is the result of an earlier job inside of an input folder'
      : 'were not read: they are results of earlier jobs inside of input folders';
  return [`${first}${more} ${reason}. To read a result, name its own folder as input`];
}

function sampleNotice(partition: PartitionPlan): string[] {
  if (partition.kind !== 'range' || partition.isPartlySampled !== true) return [];
  return [
    `the sizes of parts may differ widely: byRange() sampled only the first ${formatBytes(LIMITS.sampleStreamBytesMax)} of the compressed input. Uncompressed input is sampled everywhere`,
  ];
}

/** The field of a report, which is omitted if there are no notices. */
export function noticesField(notices: readonly string[]): { notices?: readonly string[] } {
  return notices.length === 0 ? {} : { notices };
}
