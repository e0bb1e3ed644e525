/** Counts the bad records of one attempt, and remembers the first of them for the barrier, which adds up the counts. */
import { MapReduceError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { cut } from '../base/show-value.ts';
import type { BadRecord } from '../formats/source.ts';
import type { BadRecordPlace, BadRecordsSummary } from '../report/task-summary.ts';

export class BadRecords {
  readonly #skip: number;
  #count = 0;
  readonly #first: BadRecordPlace[] = [];

  /** @param skip  how many the job skips; undefined if it skips none */
  constructor(skip: number | undefined) {
    this.#skip = skip ?? 0;
  }

  /** @throws BadRecordError if the job does not skip so many */
  add(record: BadRecord, file: string): void {
    this.#count += 1;
    const { offset, line } = record;
    const message = cut(record.message, MESSAGE_CHARACTERS_MAX);
    if (this.#first.length < LIMITS.badRecordsListedMax) {
      this.#first.push({ file, offset, ...(line === undefined ? {} : { line }), message });
    }
    if (this.#count > this.#skip) throw tooManyBad({ count: this.#count, first: this.#first }, this.#skip);
  }

  /** Undefined if there are none. */
  summary(): BadRecordsSummary | undefined {
    return this.#count === 0 ? undefined : { count: this.#count, first: this.#first };
  }
}

const MESSAGE_CHARACTERS_MAX = 300;

/** "<file>, line 3 (byte 120): <message>"; for generated input, which has no file, "record 7: <message>". */
export function badRecordText({ message, offset, line }: BadRecord, file: string): string {
  if (file === '') return `record ${offset}: ${message}`;
  const place = line === undefined ? `byte ${offset}` : `line ${line} (byte ${offset})`;
  return `${file}, ${place}: ${message}`;
}

/** @param bad  those of a task or of the job, in the order of the input */
export function tooManyBad({ count, first: places }: BadRecordsSummary, skip: number): MapReduceError {
  const first = places[0]!;
  const text = badRecordText(first, first.file);
  const message =
    skip === 0
      ? `${text.replace(/\.$/, '')}. To skip malformed records, set onBadRecord: { skip: <how many> } in the job`
      : `${count} records are bad; the job skips ${skip} (onBadRecord). The first: ${text}`;
  return new MapReduceError('BadRecordError', message, {
    details: first.file === '' ? { record: first.offset } : { file: first.file, offsetBytes: first.offset },
  });
}
