/** The bad records of a job, from the summaries of its map tasks. */
import { LIMITS } from '../base/limits.ts';
import { badRecordText } from '../read/bad-records.ts';
import type { BadRecordPlace, BadRecordsSummary, TaskSummary } from '../report/task-summary.ts';

/** Undefined if there are none. The places are in the order of the input. */
export function jobBadRecords(summaries: readonly TaskSummary[]): BadRecordsSummary | undefined {
  let count = 0;
  const first: BadRecordPlace[] = [];
  for (const { badRecords } of summaries) {
    if (badRecords === undefined) continue;
    count += badRecords.count;
    first.push(...badRecords.first.slice(0, LIMITS.badRecordsListedMax - first.length));
  }
  return count === 0 ? undefined : { count, first };
}

/** The notice in the report; none without bad records. */
export function badRecordsNotice(bad: BadRecordsSummary | undefined, listed: string): string[] {
  if (bad === undefined) return [];
  const { count, first } = bad;
  const records = count === 1 ? '1 bad record was' : `${count} bad records were`;
  const place = first[0]!;
  return [
    `${records} skipped; ${listed} lists ${count > first.length ? `the first ${first.length}` : count === 1 ? 'it' : 'them'}. The first: ${badRecordText(place, place.file)}`,
  ];
}
