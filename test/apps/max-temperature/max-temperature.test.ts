import { expect, test } from 'vitest';
import { appFile, inputFile, runApp, sortedLines } from '../run-app.ts';

const sample = appFile('max-temperature', 'sample.txt');

test('finds the maximum of each station of the sample', async () => {
  const { text, report } = await runApp('max-temperature', { inputs: [sample] });

  expect(text).toBe(
    'ASN00066062\t39.4\t8.5\t23.95\t2\n' +
      'FIE00142080\t30.8\t-31.6\t-8.27\t3\n' +
      'USW00094728\t36.1\t-9.9\t19.13\t3\n',
  );
  // The heading, and the day on which the thermometer was broken.
  expect(report.counters).toEqual({ 'bad lines': 1, 'lines without a reading': 1 });
});

test('finds the maximum of each year of the sample', async () => {
  const { text } = await runApp('max-temperature', { inputs: [sample], params: { by: 'year' } });

  expect(text).toBe('2024\t31.2\t-31.6\t-3.43\t3\n2025\t39.4\t-24\t18.16\t5\n');
});

test('agrees with sums in memory on 50,000 readings in many splits', async () => {
  const readings = new Map<string, number[]>();
  let content = '';
  for (let i = 0; i < 50_000; i++) {
    const station = `station-${(i * 7919) % 101}`;
    // Sums of quarters need no rounding in any order.
    const celsius = (((i * 104_729) % 397) - 150) / 4;
    content += `${station},${1950 + (i % 70)}-01-01,${celsius}\n`;
    if (!readings.has(station)) readings.set(station, []);
    readings.get(station)?.push(celsius);
  }
  const expected = [...readings].map(([station, all]) => {
    const sum = all.reduce((a, b) => a + b);
    const mean = Number((sum / all.length).toFixed(2));
    return [station, Math.max(...all), Math.min(...all), mean, all.length].join('\t');
  });

  const { text } = await runApp('max-temperature', {
    inputs: [inputFile('readings.txt', content)],
    splitSizeBytes: 100_000,
    reducers: 3,
  });

  expect(sortedLines(text)).toEqual(sortedLines(expected.join('\n')));
});

test('ignores blank readings, and counts readings that are not decimal numbers as bad lines', async () => {
  const { text, report } = await runApp('max-temperature', {
    inputs: [
      inputFile(
        'temps.txt',
        'S1,2020-01-01,5.5\nS1,2020-01-02, \nS1,2020-01-03,-3\nS1,2020-01-04,\n' +
          'S2,2020-01-01,\t\nS2,2021-01-01,7\nS3,2020-01-01,0x10\nS3,2020-01-02,9\n',
      ),
    ],
  });

  expect(text).toBe('S1\t5.5\t-3\t1.25\t2\nS2\t7\t7\t7\t1\nS3\t9\t9\t9\t1\n');
  expect(report.counters).toEqual({ 'bad lines': 1, 'lines without a reading': 3 });
});

test.each([
  '0b1',
  '0o7',
  '1e3',
  'Infinity',
  '-Infinity',
  'NaN',
  '1_000',
  '5,5 C'.slice(2),
  '9'.repeat(400),
  '.',
  '-',
])('counts a reading of %s as a bad line', async (reading) => {
  const { text, report } = await runApp('max-temperature', {
    inputs: [inputFile('odd.txt', `S,2020-01-01,${reading}\n`)],
    workers: 1,
  });

  expect(text).toBe('');
  expect(report.counters).toEqual({ 'bad lines': 1 });
});

test('counts lines without a column, station or year as bad, and accepts spaces, Windows line ends and -0', async () => {
  const content =
    'S\r\nS,2020-01-01\r\n,2020-01-01,5\r\n\r\nS,😀,5\r\n S , 2020-01-01 , -0 \r\nS,2020-01-02,-0.001\r\n';
  const byStation = await runApp('max-temperature', { inputs: [inputFile('columns.txt', content)] });
  const byYear = await runApp('max-temperature', {
    inputs: [inputFile('columns.txt', content)],
    params: { by: 'year' },
  });

  expect(byStation.text).toBe('S\t5\t-0.001\t1.67\t3\n');
  expect(byStation.report.counters).toEqual({ 'bad lines': 4 });
  expect(byYear.text).toBe('2020\t5\t-0.001\t1.67\t3\n');
  expect(byYear.report.counters).toEqual({ 'bad lines': 4 });
});
