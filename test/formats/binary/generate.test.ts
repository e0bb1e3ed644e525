import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generate } from '../../../src/formats/binary/generate.ts';
import type { OpenPiece, Piece, Source } from '../../../src/formats/source.ts';
import { PROPERTY_RUNS } from '../property-runs.ts';

type Params = Record<string, string | number | boolean>;

function piecesOf(source: Source<number>, params: Params = {}): Piece[] {
  const { cuts } = source;
  if (typeof cuts === 'string' || !('generate' in cuts)) throw new Error('it has no generated pieces');
  return [...cuts.generate(params)];
}

/** Reads a piece after its way through JSON. Generated input has no bytes. */
async function numbersOf(
  source: Source<number>,
  piece: Piece,
): Promise<{ numbers: number[]; batches: number }> {
  const reader = source.read({ ...(JSON.parse(JSON.stringify(piece)) as OpenPiece) });
  const numbers: number[] = [];
  let batches = 0;
  for await (const batch of reader) {
    batches += 1;
    batch.forEach((number) => {
      if (reader.offset() !== number) throw new Error(`record ${number} is at ${reader.offset()}`);
      numbers.push(number);
    });
  }
  expect(reader.unitsRead).toBe(piece.records);
  return { numbers, batches };
}

describe('generate()', () => {
  it('delivers each number once and in order, whatever a task gets', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(3_000),
        fc.option(fc.integer({ min: 1, max: 4_000 })),
        async (n, recordsPerTask) => {
          const source = generate(n, recordsPerTask === null ? {} : { recordsPerTask });

          const read = await Promise.all(piecesOf(source).map((piece) => numbersOf(source, piece)));

          expect(read.flatMap(({ numbers }) => numbers)).toEqual(Array.from({ length: n }, (_, i) => i));
        },
      ),
      PROPERTY_RUNS,
    );
  });

  it.each([
    [0, 0],
    [1, 1],
    [8, 8],
    [10, 5],
    [1_000, 8],
    [8_000_000, 8],
    [8_000_001, 9],
    [1e9, 1_000],
    [Number.MAX_SAFE_INTEGER, 10_000],
  ])('makes of %i records %i tasks', (n, tasks) => {
    const pieces = piecesOf(generate(n));

    expect(pieces).toHaveLength(tasks);
    expect(pieces.reduce((sum, { records }) => sum + BigInt(records!), 0n)).toBe(BigInt(n));
  });

  it('takes the number of records from a parameter', () => {
    expect(piecesOf(generate('rows'), { rows: 3 })).toEqual([
      { startBytes: 0, endBytes: 0, records: 1, hint: 0 },
      { startBytes: 0, endBytes: 0, records: 1, hint: 1 },
      { startBytes: 0, endBytes: 0, records: 1, hint: 2 },
    ]);
  });

  it('counts numbers far beyond 32 bits exactly', async () => {
    const source = generate(Number.MAX_SAFE_INTEGER, { recordsPerTask: 2 ** 52 });
    const [, second] = piecesOf(source);

    const { numbers } = await numbersOf(source, { ...second!, records: 3 });

    expect(numbers).toEqual([2 ** 52, 2 ** 52 + 1, 2 ** 52 + 2]);
  });

  it('pauses about every thousand records', async () => {
    const source = generate(10_000, { recordsPerTask: 10_000 });

    expect((await numbersOf(source, piecesOf(source)[0]!)).batches).toBe(10);
  });

  it('knows the record at which map threw', async () => {
    const source = generate(2_500, { recordsPerTask: 2_500 });
    const reader = source.read(piecesOf(source)[0] as OpenPiece);

    const reading = (async () => {
      for await (const batch of reader) {
        batch.forEach((number) => {
          if (number === 1_234) throw new Error('boom');
        });
      }
    })();

    await expect(reading).rejects.toThrow('boom');
    expect(reader.offset()).toBe(1_234);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, undefined, 10n])(
    'refuses %s records',
    (n) => {
      expect(() => generate(n as number)).toThrow(
        expect.objectContaining({
          name: 'JobDefinitionError',
          message: expect.stringContaining('must be a whole number from 0 to 9007199254740991'),
        }),
      );
    },
  );

  it.each([0, -1, 0.5, '10'])('refuses %s records per task', (recordsPerTask) => {
    expect(() => generate(10, { recordsPerTask: recordsPerTask as number })).toThrow(
      /received recordsPerTask .* must be a whole number from 1/,
    );
  });

  it('refuses more tasks than a job may have', () => {
    expect(() => piecesOf(generate(1e9, { recordsPerTask: 10 }))).toThrow(
      /would make 100,000,000 map tasks of 10 records; a job may have 100,000\. Set recordsPerTask to at least 10000\./,
    );
  });

  it.each([
    [{}, 'JobDefinitionError', /the job has no parameter 'rows'/],
    [{ rows: '5' }, 'JobDefinitionError', /the parameter 'rows' has the type string/],
    [
      { rows: -5 },
      'UsageError',
      /parameter 'rows' is the number of records; it must be a whole number .* Received -5/,
    ],
    [{ rows: 2.5 }, 'UsageError', /Received 2\.5/],
    [{ rows: 2 ** 53 }, 'UsageError', /Received 9007199254740992/],
  ] as const)('refuses %j as parameters', (params, name, message) => {
    expect(() => piecesOf(generate('rows'), params)).toThrow(
      expect.objectContaining({ name, message: expect.stringMatching(message) }),
    );
  });
});
