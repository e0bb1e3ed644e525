import { expect, test } from 'vitest';
import { appFile, inputFile, runApp, sortedLines } from '../run-app.ts';

const sample = appFile('max-temperature', 'sample.txt');

test('the sample by station', async () => {
  const { text, report } = await runApp('max-temperature', { inputs: [sample] });

  expect(text).toBe(
    'ASN00066062\t39.4\t8.5\t23.95\t2\n' +
      'FIE00142080\t30.8\t-31.6\t-8.27\t3\n' +
      'USW00094728\t36.1\t-9.9\t19.13\t3\n',
  );
  // The heading, and the day on which the thermometer was broken.
  expect(report.counters).toEqual({ 'lines without a reading': 2 });
});

test('the sample by year', async () => {
  const { text } = await runApp('max-temperature', { inputs: [sample], params: { by: 'year' } });

  expect(text).toBe('2024\t31.2\t-31.6\t-3.43\t3\n2025\t39.4\t-24\t18.16\t5\n');
});

test('50,000 readings in many splits, against sums in memory', async () => {
  const readings = new Map<string, number[]>();
  let content = '';
  for (let i = 0; i < 50_000; i++) {
    const station = `station-${(i * 7919) % 101}`;
    // Quarters add up without rounding, in whatever order.
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
