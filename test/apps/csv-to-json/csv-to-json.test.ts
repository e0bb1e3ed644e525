import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { appFile, inputFile, linesOf, runApp } from '../run-app.ts';
import { shell } from '../shell.ts';

const sample = appFile('csv-to-json', 'sample.csv');

/** The rows as Python's csv module reads them. */
function python(file: string): unknown[] {
  const script = `
import csv, json, sys
with open(sys.argv[1], newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        print(json.dumps(row))`;
  return linesOf(shell('python3 -c "$1" "$2"', script, file)).map((line) => JSON.parse(line));
}

function rows(text: string): unknown[] {
  return linesOf(text).map((line) => JSON.parse(line));
}

test('converts the sample, with every cell as text', async () => {
  const { text } = await runApp('csv-to-json', { inputs: [sample] });

  expect(rows(text)).toEqual([
    { title: 'Hamlet', author: 'Shakespeare, William', year: '1603', price: '9.50' },
    { title: 'The "Sea"\nand the Sky', author: 'Anonymous', year: '', price: '12' },
    { title: 'Élan vital', author: 'Bergson, Henri', year: '1907', price: '7.25' },
  ]);
  expect(rows(text)).toEqual(python(sample));
});

test('agrees with Python on 20,000 rows of quotes, commas and line ends in many splits', async () => {
  const cells = ['', 'a', '"', '""', ',', '\n', '\r\n', 'x,y', ' "x" ', 'é😀', '\t', '-1', '0,\n"'];
  let seed = 7;
  const cell = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    const text = cells[(seed >>> 8) % cells.length]!;
    return /[",\r\n]/.test(text) || seed % 3 === 0 ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = Array.from({ length: 20_000 }, (_, row) => `${row},${cell()},${cell()},${cell()}\n`);
  const input = inputFile('nasty.csv', `row,"b ""quoted""",c,d\n${lines.join('')}`);

  const { text, report } = await runApp('csv-to-json', { inputs: [input], splitSizeBytes: 50_000 });
  const sequential = await runApp('csv-to-json', {
    inputs: [input],
    splitSizeBytes: 50_000,
    workers: 'sequential',
  });

  expect(report.stages[0]!.tasks).toBeGreaterThan(5);
  expect(rows(text)).toEqual(python(input));
  expect(sequential.text === text).toBe(true);
});

test('reads the header of each file', async () => {
  const inputs = [inputFile('headers/a.csv', 'x,y\n1,2\n'), inputFile('headers/b.csv', 'y,z\n3,4\n')];

  const { text } = await runApp('csv-to-json', { inputs });

  expect(rows(text)).toEqual([
    { x: '1', y: '2' },
    { y: '3', z: '4' },
  ]);
});

test('skips, counts and lists bad rows', async () => {
  const input = inputFile(
    'bad.csv',
    'name,n\nok,1\ntoo,many,cells\n"stray"quote,2\nno number,12 apples\nend,3e2\n',
  );

  const { text, report, output } = await runApp('csv-to-json', { inputs: [input], params: { numbers: 'n' } });

  expect(rows(text)).toEqual([
    { name: 'ok', n: 1 },
    { name: 'end', n: 300 },
  ]);
  expect(report.badRecords).toBe(3);
  const listed = rows(readFileSync(join(output, '_bad.jsonl'), 'utf8'));
  expect(listed).toMatchObject([{ offset: 12 }, { offset: 27 }, { offset: 42 }]);
  expect(JSON.stringify(listed[2])).toContain("column 'n' holds '12 apples', which is not a number");
});

test('fails with the first of more than a hundred bad rows', async () => {
  const input = inputFile('all-bad.csv', `n\n${'x\n'.repeat(101)}`);

  await expect(runApp('csv-to-json', { inputs: [input], params: { numbers: 'n' } })).rejects.toThrow(
    "column 'n' holds 'x', which is not a number",
  );
});

test.each([
  ['12345678901234567890', "column 'n' holds 12345678901234567890, which would lose digits"],
  ['1e999', "column 'n' holds '1e999', which is not a number"],
  ['0x10', "column 'n' holds '0x10', which is not a number"],
])('refuses %s as a number', async (cell, message) => {
  const input = inputFile('number.csv', `n\n${`${cell}\n`.repeat(101)}`);

  await expect(runApp('csv-to-json', { inputs: [input], params: { numbers: 'n' } })).rejects.toThrow(message);
});

test('refuses a column that the file does not have', async () => {
  const input = inputFile('columns.csv', `n\n${'1\n'.repeat(101)}`);

  await expect(runApp('csv-to-json', { inputs: [input], params: { numbers: 'm' } })).rejects.toThrow(
    'numbers=m names a column that the file does not have',
  );
});
