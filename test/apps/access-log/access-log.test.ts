import { expect, test } from 'vitest';
import { appFile, corpusFile, inputFile, runApp, sortedLines } from '../run-app.ts';
import { shell } from '../shell.ts';

test('counts the requests and bytes of each path of the sample', async () => {
  const { text, report } = await runApp('access-log', { inputs: [appFile('access-log', 'sample.txt')] });

  expect(text).toBe(
    '/index.html\t3\t4652\t2\t1\t0\t0\n' +
      '/login\t1\t312\t0\t0\t0\t1\n' +
      '/logo.png\t1\t5120\t1\t0\t0\t0\n' +
      '/missing.html\t1\t196\t0\t0\t1\t0\n',
  );
  expect(report.counters).toEqual({ 'bad lines': 2 });
});

test.each([
  ['an empty line', ''],
  ['no status', '10.0.0.1 - - [x] "GET / HTTP/1.1" - 12'],
  ['a status of two digits', '10.0.0.1 - - [x] "GET / HTTP/1.1" 20 12'],
  ['no path', '10.0.0.1 - - [x] "GET  HTTP/1.1" 200 12'],
  ['only a query', '10.0.0.1 - - [x] "GET ?a=b HTTP/1.1" 200 12'],
  ['a request within the referrer', '10.0.0.1 - - [x] "-" 400 0 "GET / HTTP/1.1" 200 12'],
])('counts a bad line: %s', async (_what, line) => {
  const { text, report } = await runApp('access-log', {
    inputs: [inputFile('bad.txt', `${line}\n`)],
    workers: 'sequential',
  });

  expect(text).toBe('');
  expect(report.counters).toEqual({ 'bad lines': 1 });
});

test('counts a long line without an end as bad, without backtracking for minutes', async () => {
  const line = `10.0.0.1 - - [x] "GET /${'a?'.repeat(500_000)}`;

  const { report } = await runApp('access-log', { inputs: [inputFile('long.txt', line)] });

  expect(report.counters).toEqual({ 'bad lines': 1 });
  expect(report.wallMs).toBeLessThan(60_000);
});

test('agrees byte for byte with awk on 8 MiB in many splits', async () => {
  const input = corpusFile('access-log', 8 << 20);
  const summed = shell(
    `awk -F'"' '{ split($2, request, " "); split($3, answer, " "); path = request[2]; sub(/\\?.*/, "", path)
         if (request[3] == "" || answer[2] == "") { bad++; next }
         hits[path]++; bytes[path] += answer[2]; classes[path, substr(answer[1], 1, 1)]++ }
       END { for (path in hits) printf "%s\\t%d\\t%.0f\\t%d\\t%d\\t%d\\t%d\\n", path, hits[path], bytes[path],
               classes[path, 2], classes[path, 3], classes[path, 4], classes[path, 5]
             print bad > "/dev/stderr" }' "$1" 2> "$1.bad" | sort`,
    input,
  );

  const { text, report } = await runApp('access-log', {
    inputs: [input],
    reducers: 2,
    splitSizeBytes: 1 << 20,
  });

  expect(`${sortedLines(text).join('\n')}\n`).toBe(summed);
  expect(report.counters['bad lines']).toBe(Number(shell('cat "$1.bad"', input)));
  expect(report.counters['bad lines']).toBeGreaterThan(50);
});

test('counts sizes that are too large for a sum as bad lines', async () => {
  const hit = (size: string) => `1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 ${size}\n`;
  const { text, report } = await runApp('access-log', {
    inputs: [inputFile('sizes.log', hit('5') + hit('9'.repeat(400)) + hit('5x') + hit('-') + hit(''))],
  });

  expect(text).toBe('/\t2\t5\t2\t0\t0\t0\n');
  expect(report.counters).toEqual({ 'bad lines': 3 });
});
