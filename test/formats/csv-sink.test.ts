import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GrowableSink } from '../../src/codec/growable-sink.ts';
import { type CsvSinkOptions, csvSink } from '../../src/formats/csv/csv-sink.ts';
import { anyNumber, anyText } from '../codec/laws.ts';
import { PROPERTY_RUNS } from './property-runs.ts';
import { written } from './written.ts';

/** Returns the rows of RFC 4180, read character by character. A cell is null if it is empty and not quoted. */
function parsed(text: string, delimiter = ','): (string | null)[][] {
  const rows: (string | null)[][] = [];
  let at = 0;
  while (at < text.length) {
    const row: (string | null)[] = [];
    for (;;) {
      let cell: string | null = null;
      if (text[at] === '"') {
        cell = '';
        for (at++; ; at++) {
          if (at >= text.length) throw new Error('a quote never closes');
          if (text[at] === '"' && text[++at] !== '"') break;
          cell += text[at];
        }
      } else {
        while (at < text.length && text[at] !== delimiter && text[at] !== '\n') {
          if (text[at] === '"' || text[at] === '\r') throw new Error('a quote in a cell that is not quoted');
          cell = (cell ?? '') + text[at++];
        }
      }
      row.push(cell);
      if (at >= text.length) throw new Error('the last line has no end');
      if (text[at++] === '\n') break;
      if (text[at - 1] !== delimiter) throw new Error(`text after a quote: ${text[at - 1]}`);
    }
    rows.push(row);
  }
  return rows;
}

/** Returns the whole file of these rows. */
function fileOf(columns: readonly string[], rows: readonly object[], options?: CsvSinkOptions): string {
  const writer = csvSink(columns, options).createWriter();
  const out = new GrowableSink(1);
  writer.begin?.(out);
  for (const row of rows) writer.write('a key', row as never, out);
  writer.end?.(out);
  return out.bytes.toString('utf8', 0, out.end);
}

const nasty = fc.oneof(
  anyText,
  fc.string({
    unit: fc.constantFrom('"', ',', '\n', '\r', '\t', ' ', 'a', 'é', ';', '\ufeff'),
    maxLength: 8,
  }),
);

describe('a CSV file', () => {
  test('has a header and a line for each row', () => {
    expect(fileOf(['word', 'count'], [{ word: 'be', count: 3 }, ['or "not"', -1.5]])).toBe(
      'word,count\nbe,3\n"or ""not""",-1.5\n',
    );
  });

  test('without rows still has its header', () => {
    expect(fileOf(['a', 'b'], [])).toBe('a,b\n');
    expect(fileOf(['a', 'b'], [], { header: false })).toBe('');
  });

  const cells: readonly [name: string, cell: unknown, text: string][] = [
    ['null as nothing', null, ''],
    ['undefined as nothing', undefined, ''],
    ['empty text between quotes', '', '""'],
    ['numbers as String writes them', 1e21, '1e+21'],
    ['booleans', true, 'true'],
    ['bigints', 12345678901234567890n, '12345678901234567890'],
    ['bytes as UTF-8 text', Buffer.from('é,'), '"é,"'],
    ['objects as JSON', { a: [1, 'x'] }, '"{""a"":[1,""x""]}"'],
    ['text that looks like a formula unchanged', '=1+1', '=1+1'],
    ['spaces unchanged', ' a ', ' a '],
  ];
  for (const [name, cell, text] of cells) {
    test(`holds ${name}`, () => {
      expect(fileOf(['x', 'y'], [[cell, 1]], { header: false })).toBe(`${text},1\n`);
      expect(fileOf(['x', 'y'], [{ y: 1, x: cell }], { header: false })).toBe(`${text},1\n`);
    });
  }

  test('of one column has no empty lines, which readers would skip', () => {
    expect(fileOf(['x'], [[null], { x: undefined }, ['']])).toBe('x\n""\n""\n""\n');
  });

  test('can be read back by an independent parser, whatever its cells and delimiter are', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(nasty, { minLength: 1, maxLength: 4 }),
        fc.array(fc.array(fc.oneof(nasty, anyNumber, fc.constant(null)), { minLength: 4, maxLength: 4 })),
        fc.constantFrom(',', ';', '\t', '|', ' ', '^', ']', '\\'),
        fc.boolean(),
        (columns, cells, delimiter, asObjects) => {
          const rows = cells.map((row) => row.slice(0, columns.length));
          // `__proto__` is no ordinary name in an object literal.
          const given = asObjects && !columns.includes('__proto__');
          const file = fileOf(
            columns,
            given ? rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))) : rows,
            { delimiter },
          );

          const expected = rows.map((row) =>
            row.map((cell) => (cell === null ? (columns.length === 1 ? '' : null) : String(cell))),
          );
          expect(parsed(file, delimiter)).toEqual([columns, ...expected]);
        },
      ),
      PROPERTY_RUNS,
    );
  });
});

describe('a row that does not fit', () => {
  const sink = csvSink(['word', 'count']);
  test.each<[string, unknown, string]>([
    ['a column too many', { word: 'a', count: 1, cuont: 2 }, 'csv cannot hold a row with the column "cuont"'],
    ['a column missing', { word: 'a' }, 'csv cannot hold a row without the column "count"'],
    ['a cell missing', ['a'], 'csv cannot hold an array of 1 cells'],
    ['no row', 'text', 'csv cannot hold "text" (string)'],
    ['nothing', null, 'csv cannot hold null'],
    ['a cell that is no data', ['a', Symbol('x')], 'csv cannot hold Symbol(x)'],
    ['a cell that JSON would change', ['a', new Date(0)], 'csv cannot hold'],
    ['half of a character', ['a', '\ud83d'], 'lone surrogates'],
  ])('is refused: %s', (_name, value, message) => {
    expect(() => written(sink, { key: 'k', value })).toThrow(message);
  });

  test('names the columns and the remedy', () => {
    expect(() => written(sink, { key: 'k', value: ['a'] })).toThrow(
      'Allowed: an object with the columns word, count, or an array of 2 cells in this order. Emit such a row',
    );
  });
});

test('columns and delimiters that are not allowed are refused', () => {
  expect(() => csvSink([] as never)).toThrow(
    "csv() needs the names of its columns to write, for example csv(['",
  );
  expect(() => csvSink(undefined as never)).toThrow('csv() needs the names of its columns');
  expect(() => csvSink(['a', 'b', 'a'])).toThrow('csv() has two columns "a"');
  for (const delimiter of ['"', '\n', 'ab', '', '1', '.', '-', 'é', 'e']) {
    expect(() => csvSink(['a'], { delimiter })).toThrow('csv(): the delimiter must be');
  }
});
