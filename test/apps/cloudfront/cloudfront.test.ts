import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { appFile, inputFile, linesOf, runApp, sortedLines } from '../run-app.ts';
import { shell } from '../shell.ts';

const LEGACY =
  'date time x-edge-location sc-bytes c-ip cs-uri-stem sc-status cs(User-Agent) x-edge-result-type';
const CHOSEN = 'timestamp(ms) x-edge-result-type cs-uri-stem sc-bytes x-edge-location';

/** Adds up with awk, which finds the columns by the line #Fields of each file. */
const AWK = `column="$1"; shift
  for file in "$@"; do gzip -dc "$file" | awk -F'\\t' -v column="$column" '
    /^#Fields:/ { n = split($0, names, " "); for (i = 2; i <= n; i++) at[names[i]] = i - 1 }
    !/^#/ { print $at[column] "\\t" $at["sc-bytes"] "\\t" $at["x-edge-result-type"] }'; done |
  awk -F'\\t' '{ n[$1]++; bytes[$1] += $2; hits[$1] += $3 ~ /Hit$/; misses[$1] += $3 == "Miss"
      errors[$1] += $3 ~ /Error|Exceeded/ }
    END { for (key in n) {
      ratio = hits[key] + misses[key] ? sprintf("%.3f", hits[key] / (hits[key] + misses[key])) : ""
      name = key; if (gsub(/"/, "\\"\\"", name)) name = "\\"" name "\\""
      printf "%s,%d,%.0f,%d,%d,%d,%s\\n", name, n[key], bytes[key], hits[key], misses[key], errors[key], ratio } }' | sort`;

test.each([
  ['edge', 'x-edge-location'],
  ['path', 'cs-uri-stem'],
])('agrees with awk on 40 files with two lists of fields, by %s', async (by, column) => {
  const files = Array.from({ length: 40 }, (_, i) =>
    inputFile(`cdn/${i}.gz`, gzipSync(logOf(i % 4 === 0 ? CHOSEN : LEGACY, { seed: i, requests: 300 }))),
  );

  const { text, report } = await runApp('cloudfront', {
    inputs: files,
    params: { by },
    reducers: 3,
    splitSizeBytes: 50_000,
  });
  const sequential = await runApp('cloudfront', {
    inputs: files,
    params: { by },
    reducers: 3,
    workers: 'sequential',
  });

  const rows = sortedLines(text).filter((line) => !line.startsWith('group,'));
  expect(`${rows.join('\n')}\n`).toBe(shell(AWK, column, ...files));
  expect(rows.length).toBeGreaterThan(3);
  expect(sequential.text).toBe(text);
  expect(report.badRecords).toBeUndefined();
});

test('the same log, plain and cut into many splits, gives the same rows', async () => {
  const log = logOf(LEGACY, { seed: 1, requests: 3000 });

  const whole = await runApp('cloudfront', { inputs: [inputFile('whole.gz', gzipSync(log))] });
  const cut = await runApp('cloudfront', { inputs: [inputFile('plain.log', log)], splitSizeBytes: 20_000 });

  expect(cut.report.input.splits).toBeGreaterThan(5);
  expect(cut.text).toBe(whole.text);
});

test('the rows of the sample by result add up to those by edge', async () => {
  const rows = async (by: string) => {
    const { text } = await runApp('cloudfront', {
      inputs: [appFile('cloudfront', 'sample')],
      params: { by },
    });
    return linesOf(text)
      .slice(1)
      .map((line) => line.split(','));
  };
  const sums = (table: string[][]) =>
    [1, 2, 3, 4, 5].map((column) => table.reduce((sum, row) => sum + Number(row[column]), 0));

  const byResult = await rows('result');

  expect(byResult.map(([result]) => result)).toContain('RefreshHit');
  expect(sums(byResult)).toEqual(sums(await rows('edge')));
  expect(sums(byResult)[0]).toBe(37);
});

test('skips and counts a line that is cut off, and names a field that a log lacks', async () => {
  const few = await runApp('cloudfront', {
    inputs: [inputFile('cut.log', `${logOf(CHOSEN, { seed: 3, requests: 5 })}17959464\tHit\t/a`)],
  });
  const lacking = runApp('cloudfront', {
    inputs: [
      inputFile('lacking.log', '#Version: 1.0\n#Fields: x-edge-location cs-uri-stem sc-bytes\nFRA\t/\t1\n'),
    ],
    attemptsMax: 1,
  });

  expect(few.report.badRecords).toBe(1);
  await expect(lacking).rejects.toThrow(/lacking\.log.*the header has no column "x-edge-result-type"/);
});

function logOf(names: string, { seed, requests }: { seed: number; requests: number }): string {
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const lines = Array.from({ length: requests }, () => {
    const fields: Record<string, string> = {
      'x-edge-location': pick(['FRA56-P12', 'DFW57-P1', 'SIN2-C1', 'NRT12-C4']),
      'sc-bytes': `${Math.floor(random() * 4e9)}`,
      'cs-uri-stem': pick(['/', '/app.js', '/img/logo%20big.png', '/"quoted"', '/caf%C3%A9']),
      'cs(User-Agent)': pick(['-', 'Mozilla/5.0%20(X11)', '"']),
      'x-edge-result-type': pick([
        ...['Hit', 'Hit', 'RefreshHit', 'OriginShieldHit', 'Miss', 'Error', 'Redirect'],
        ...['LimitExceeded', 'CapacityExceeded', 'FunctionGeneratedResponse'],
      ]),
    };
    return names
      .split(' ')
      .map((name) => fields[name] ?? '-')
      .join('\t');
  });
  return `#Version: 1.0\n#Fields: ${names}\n${lines.join('\n')}\n`;
}
