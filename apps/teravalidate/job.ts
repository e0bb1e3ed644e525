import { crc32 } from 'node:zlib';
import { defineJob, fixedLength, type TypeOf, tsv } from 'serverless-mapreduce';

/** The number of rows and the sum of their CRC-32, in two halves: a single number would round large sums. */
const SUM = ['number', 'number', 'number'] as const;
/** Neighbouring rows: first and last key, pairs in the wrong order, the later row of the first such pair, pairs of equal keys. */
const ORDER = ['string', 'string', 'number', 'number', 'number'] as const;
type Sum = TypeOf<typeof SUM>;
type Order = TypeOf<typeof ORDER>;

const NO_ROWS: Sum = [0, 0, 0];
const NO_ORDER: Order = ['', '', 0, 0, 0];

function sumOf(row: Buffer): Sum {
  const crc = crc32(row);
  return [1, crc >>> 16, crc & 0xffff];
}

function add(a: Sum, b: Sum): Sum {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

/** What is known about some rows and those that follow them. */
function join(a: Order, b: Order, rowsOfA: number): Order {
  if (a[0] === '') return b;
  if (b[0] === '') return a;
  const [first, lastOfA, wrongInA, firstWrongInA, equalInA] = a;
  const [firstOfB, last, wrongInB, firstWrongInB, equalInB] = b;
  let firstWrong = firstWrongInA;
  if (wrongInA === 0) {
    if (lastOfA > firstOfB) firstWrong = rowsOfA;
    else if (wrongInB > 0) firstWrong = rowsOfA + firstWrongInB;
  }
  return [
    first,
    last,
    wrongInA + wrongInB + (lastOfA > firstOfB ? 1 : 0),
    firstWrong,
    equalInA + equalInB + (lastOfA === firstOfB ? 1 : 0),
  ];
}

function checksumOf([, high, low]: Sum): string {
  return (BigInt(high) * 0x10000n + BigInt(low)).toString(16);
}

export default defineJob({
  name: 'teravalidate',
  description: 'Checks that the sorted rows are those generated, in order within and across parts',
  input: { generated: fixedLength(100), sorted: fixedLength(100) },
  key: 'string',
  value: [SUM, SUM, ORDER],
  map: {
    generated: (row, { emit }) => emit('all', [sumOf(row), NO_ROWS, NO_ORDER]),
    sorted(row, { emit }) {
      const key = row.toString('latin1', 0, 10);
      emit('all', [NO_ROWS, sumOf(row), [key, key, 0, 0, 0]]);
    },
  },
  // Values are combined in the order of the input, so each operand is about rows that are next to each other.
  combine: (a, b) => [add(a[0], b[0]), add(a[1], b[1]), join(a[2], b[2], a[1][0])],
  reduce(_all, values, { emit }) {
    let generated = NO_ROWS;
    let sorted = NO_ROWS;
    let order = NO_ORDER;
    for (const [addGenerated, addSorted, addOrder] of values) {
      order = join(order, addOrder, sorted[0]);
      generated = add(generated, addGenerated);
      sorted = add(sorted, addSorted);
    }
    const [, , wrong, firstWrong, equal] = order;
    const same = generated[0] === sorted[0] && checksumOf(generated) === checksumOf(sorted);
    emit('generated rows', generated[0]);
    emit('generated checksum', checksumOf(generated));
    emit('sorted rows', sorted[0]);
    emit('sorted checksum', checksumOf(sorted));
    emit('duplicate keys', equal);
    emit('unordered rows', wrong);
    if (wrong > 0) emit('first unordered row', firstWrong);
    emit('result', same && wrong === 0 ? 'valid' : 'INVALID');
  },
  reducers: 1,
  output: tsv(),
});
