import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { appFile, inputFile, linesOf, runApp, sortedLines } from '../run-app.ts';
import { shell } from '../shell.ts';

const DEFAULT =
  'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status';
const CUSTOM = 'log-status bytes action dstport srcport pkt-srcaddr dstaddr srcaddr packets type';

/** Adds up with awk, which finds the columns in the first line of each file. */
const AWK = `for file in "$@"; do gzip -dc "$file" | awk '
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $at["log-status"] == "OK" {
      s = $at["srcport"] + 0; d = $at["dstport"] + 0
      print $at["srcaddr"], $at["dstaddr"], (s < d ? s : d), $at["packets"], $at["bytes"] }'; done |
  awk '{ k = $1 "," $2 "," $3; n[k]++; packets[k] += $4; bytes[k] += $5 }
    END { for (k in n) printf "%s,%d,%.0f,%.0f\\n", k, n[k], packets[k], bytes[k] }' | sort`;

/** The rows of all parts, without their headers. */
const rowsOf = (text: string): string[] => sortedLines(text).filter((line) => !line.startsWith('source,'));

test('agrees with awk on 40 files of two field orders, with worker threads and sequentially', async () => {
  const files = Array.from({ length: 40 }, (_, i) =>
    inputFile(
      `flows/${i}.log.gz`,
      gzipSync(flowLog(i % 3 === 0 ? CUSTOM : DEFAULT, { seed: i, flows: 500 })),
    ),
  );

  const { text, report } = await runApp('vpc-flow', { inputs: files, reducers: 3, splitSizeBytes: 50_000 });
  const sequential = await runApp('vpc-flow', { inputs: files, reducers: 3, workers: 'sequential' });

  const rows = rowsOf(text);
  const expected = linesOf(shell(AWK, ...files));
  // The difference of thousands of lines would take minutes to show.
  expect(rows.filter((row, i) => row !== expected[i]).slice(0, 5)).toEqual([]);
  expect(rows).toHaveLength(expected.length);
  expect(sequential.text).toBe(text);
  expect(report.counters['records with NODATA']).toBeGreaterThan(500);
  expect(report.counters['records with SKIPDATA']).toBeGreaterThan(500);
});

test('groups by one column, and leaves the others empty', async () => {
  const inputs = [
    inputFile(
      'few.log',
      `${DEFAULT}\n` +
        '2 1 eni-1 10.0.0.1 10.0.0.2 40000 443 6 10 1000 1 2 ACCEPT OK\n' +
        '2 1 eni-1 10.0.0.2 10.0.0.1 443 40000 6 5 70 1 2 ACCEPT OK\n' +
        '2 1 eni-1 10.0.0.9 10.0.0.1 50000 22 6 1 60 1 2 REJECT OK\n' +
        '2 1 eni-1 - - - - - - - 1 2 - NODATA\n',
    ),
  ];
  const rows = async (params: Record<string, string>) =>
    linesOf((await runApp('vpc-flow', { inputs, params })).text).slice(1);

  expect(await rows({ by: 'port' })).toEqual([',,22,1,1,60', ',,443,2,15,1070']);
  expect(await rows({ by: 'source', action: 'ACCEPT' })).toEqual([
    '10.0.0.1,,,1,10,1000',
    '10.0.0.2,,,1,5,70',
  ]);
  expect(await rows({ by: 'destination', action: 'REJECT' })).toEqual([',10.0.0.1,,1,1,60']);
});

test('finds the top talkers together with the app top', async () => {
  const flows = await runApp('vpc-flow', { inputs: [appFile('vpc-flow', 'sample')] });
  const bytesOf = (row: string) => Number(row.split(',').at(-1));
  const expected = rowsOf(flows.text).sort((a, b) => bytesOf(b) - bytesOf(a));

  const { text } = await runApp('top', {
    inputs: [inputFile('flows.csv', flows.text)],
    params: { separator: 'comma', n: '3' },
  });

  expect(linesOf(text)).toEqual(expected.slice(0, 3));
});

test('skips and counts lines that are cut off', async () => {
  const { text, report } = await runApp('vpc-flow', {
    inputs: [
      inputFile(
        'cut.log',
        `${DEFAULT}\n2 1 eni-1 10.0.0.1 10.0.0.2 40000 443 6 10 1000 1 2 ACCEPT OK\n2 1 eni`,
      ),
    ],
  });

  expect(linesOf(text)).toHaveLength(2);
  expect(report.badRecords).toBe(1);
});

test('names the column that a custom format lacks', async () => {
  const run = runApp('vpc-flow', {
    inputs: [inputFile('short.log', 'srcaddr dstaddr srcport dstport bytes\n10.0.0.1 10.0.0.2 1 2 3\n')],
    attemptsMax: 1,
  });

  await expect(run).rejects.toThrow(/short\.log.*the header has no column "packets"/);
});

function flowLog(header: string, { seed, flows }: { seed: number; flows: number }): string {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const lines = Array.from({ length: flows }, () => {
    const kind = random();
    const isFlow = kind > 0.1;
    const fields: Record<string, string> = isFlow
      ? {
          srcaddr: random() < 0.1 ? '2001:db8::1' : `10.0.0.${below(9)}`,
          dstaddr: `10.0.1.${below(9)}`,
          srcport: `${below(3) === 0 ? 443 : 1024 + below(20)}`,
          dstport: `${below(2) === 0 ? 443 : 1024 + below(20)}`,
          packets: `${below(1e6)}`,
          bytes: `${below(4e9)}`,
          action: random() < 0.5 ? 'ACCEPT' : 'REJECT',
        }
      : {};
    fields['log-status'] = isFlow ? 'OK' : kind > 0.05 ? 'NODATA' : 'SKIPDATA';
    return header
      .split(' ')
      .map((name) => fields[name] ?? '-')
      .join(' ');
  });
  return `${header}\n${lines.join('\n')}\n`;
}
