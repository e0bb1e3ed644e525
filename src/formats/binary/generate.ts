/** Input that no file holds: numbered records, for jobs that create or simulate something. */
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { checkOptionNames } from '../../base/nearest-name.ts';
import { preview } from '../../base/show-value.ts';
import type { OpenPiece, Piece, RecordBatch, RecordReader, Source } from '../source.ts';

/** Options of `generate()`. */
export interface GenerateOptions {
  /**
   * How many records one map task gets at most. Default: an eighth of all records, but no more than a million, unless that
   * makes more than 10,000 tasks.
   */
  readonly recordsPerTask?: number;
}

/**
 * The source of numbered records: `map` receives the numbers from 0 to `records - 1`, each exactly once. The job takes no
 * `--input`. `records` is a number, or the name of the job's parameter that has it.
 *
 * How records become tasks depends on these arguments only, so every run of a job has the same tasks.
 *
 * @throws JobDefinitionError for a number of records or of records per task that is not a whole number, is negative, or is
 *   2^53 or more; UsageError if the parameter has such a value
 *
 * @example
 * params: { darts: { type: 'number', default: 1_000_000, description: 'how many darts to throw' } },
 * input: generate('darts'),
 * map: (dart, { emit }) => emit('inside', isInside(dart) ? 1 : 0),
 */
export function generate(records: number | string, options: GenerateOptions = {}): Source<number> {
  checkOptionNames('generate()', options, ['recordsPerTask']);
  const { recordsPerTask } = options;
  if (typeof records !== 'string' && !isCount(records)) {
    throw new MapReduceError(
      'JobDefinitionError',
      `generate() received ${preview(records)} records; ${COUNT_RULE}, or the name of a parameter.`,
    );
  }
  if (recordsPerTask !== undefined && !(isCount(recordsPerTask) && recordsPerTask > 0)) {
    throw new MapReduceError(
      'JobDefinitionError',
      `generate() received recordsPerTask ${preview(recordsPerTask)}; it must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}.`,
    );
  }
  return {
    name: `generate(${records})`,
    counts: 'records',
    cuts: {
      generate: (params) =>
        pieces(typeof records === 'string' ? parameter(params, records) : records, recordsPerTask),
    },
    read: (piece) => new NumberReader(piece),
  };
}

const COUNT_RULE = `it must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`;

/** Small inputs are spread over this many tasks. */
const TASKS_OF_SMALL_INPUT = 8;
const RECORDS_PER_TASK = 1_000_000;

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parameter(params: Readonly<Record<string, string | number | boolean>>, name: string): number {
  const value = Object.hasOwn(params, name) ? params[name] : undefined;
  if (typeof value !== 'number') {
    throw new MapReduceError(
      'JobDefinitionError',
      value === undefined
        ? `generate('${name}') takes the number of records from a parameter, but the job has no parameter '${name}'. Add params: { ${name}: { type: 'number', description: ... } }.`
        : `generate('${name}') takes the number of records from a parameter, but the parameter '${name}' has the type ${typeof value}. Give it the type 'number'.`,
    );
  }
  if (!isCount(value)) {
    throw new MapReduceError(
      'UsageError',
      `parameter '${name}' is the number of records; ${COUNT_RULE}. Received ${preview(value)}`,
    );
  }
  return value;
}

/** Pieces of equal size, except for the last. */
function* pieces(records: number, recordsPerTask: number | undefined): Generator<Piece> {
  const tasks =
    recordsPerTask === undefined
      ? Math.min(
          LIMITS.awsTasksPerStageDefault,
          Math.max(TASKS_OF_SMALL_INPUT, Math.ceil(records / RECORDS_PER_TASK)),
        )
      : Math.ceil(records / recordsPerTask);
  if (tasks > LIMITS.tasksPerStageMax) {
    throw new MapReduceError(
      'JobDefinitionError',
      `generate() would make ${formatCount(tasks)} map tasks of ${formatCount(recordsPerTask!)} records; a job may have ${formatCount(LIMITS.tasksPerStageMax)}. Set recordsPerTask to at least ${Math.ceil(records / LIMITS.tasksPerStageMax)}.`,
    );
  }
  const size = recordsPerTask ?? Math.ceil(records / tasks);
  for (let first = 0; first < records; first += size) {
    yield { startBytes: 0, endBytes: 0, records: Math.min(size, records - first), hint: first };
  }
}

/** Not of base/quantities.ts, which every job would load for this message. */
function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** The engine checks for cancellation and reports progress between batches. */
const BATCH_RECORDS = 1_000;

class NumberReader implements RecordReader<number>, RecordBatch<number> {
  unitsRead = 0;

  readonly #first: number;
  readonly #records: number;
  /** How many records were delivered, the current one included. */
  #started = 0;

  constructor(piece: OpenPiece) {
    this.#first = piece.hint as number;
    this.#records = piece.records!;
  }

  offset(): number {
    return this.#first + Math.max(0, this.#started - 1);
  }

  /** Each batch is this object: it delivers the next numbers. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch<number>, undefined> {
    while (this.unitsRead < this.#records) yield this;
  }

  forEach(deliver: (record: number) => void): void {
    const end = Math.min(this.#records, this.unitsRead + BATCH_RECORDS);
    for (let index = this.unitsRead; index < end; index++) {
      this.#started = index + 1;
      deliver(this.#first + index);
    }
    this.unitsRead = end;
  }
}
