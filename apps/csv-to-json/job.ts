import { csv, defineJob, jsonLines } from 'serverless-mapreduce';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** Returns null for an empty cell. */
function numberOf(cell: string | undefined, column: string): number | null {
  if (cell === '') return null;
  if (cell === undefined) throw new TypeError(`numbers=${column} names a column that the file does not have`);
  const number = Number(cell);
  if (!NUMBER.test(cell) || !Number.isFinite(number)) {
    throw new TypeError(`column '${column}' holds '${cell}', which is not a number`);
  }
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
    throw new RangeError(
      `column '${column}' holds ${cell}, which would lose digits as a number; leave it as text`,
    );
  }
  return number;
}

export default defineJob({
  name: 'csv-to-json',
  description: 'Each row of CSV files with a header as one line of JSON',
  input: csv(),
  params: {
    numbers: { type: 'string', default: '', description: 'columns to write as numbers: price,amount' },
  },
  setup: ({ numbers }) => numbers.split(',').filter((column) => column !== ''),
  map(row, { emit, state: numbers }) {
    if (numbers.length === 0) return emit(null, row);
    const typed: Record<string, string | number | null> = { ...row };
    for (const column of numbers) typed[column] = numberOf(row[column], column);
    emit(null, typed);
  },
  onBadRecord: { skip: 100, thrown: true },
  output: jsonLines(),
});
