import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { inputFile, linesOf, runApp, sortedLines } from '../run-app.ts';
import { shell } from '../shell.ts';

/** Adds up with awk: what is between the quotes never holds one, so fields are counted from the quotes. */
const AWK = `for file in "$@"; do gzip -dc "$file"; done | awk -F'"' '
  { split($1, f, " "); split($5, tls, " "); group = tls[3]; sub(/.*targetgroup\\//, "", group)
    key = group "," substr(f[2], 1, 13)
    n[key]++; four[key] += f[9] ~ /^4/; five[key] += f[9] ~ /^5/; in_[key] += f[11]; out[key] += f[12]
    if (f[6] < 0 || f[7] < 0 || f[8] < 0) next
    micros = int((f[6] + f[7] + f[8]) * 1e6 + 0.5)
    timed[key]++; sum[key] += micros; slow[key] += micros > 1e6; if (micros > max[key]) max[key] = micros }
  END { for (key in n) {
    mean = timed[key] ? sprintf("%.3f,%.3f", sum[key] / timed[key] / 1e6, max[key] / 1e6) : ","
    printf "%s,%d,%d,%d,%.0f,%.0f,%s,%d\\n", key, n[key], four[key], five[key], in_[key], out[key], mean, slow[key] } }' |
  sort`;

test('agrees with awk on 30 files, with worker threads and sequentially', async () => {
  const files = Array.from({ length: 30 }, (_, i) =>
    inputFile(`alb/${i}.log.gz`, gzipSync(accessLog({ seed: i, requests: 400 }))),
  );

  const { text, report } = await runApp('alb', { inputs: files, reducers: 3, splitSizeBytes: 100_000 });
  const sequential = await runApp('alb', { inputs: files, reducers: 3, workers: 'sequential' });

  const rows = sortedLines(text).filter((line) => !line.startsWith('target_group,'));
  expect(`${rows.join('\n')}\n`).toBe(shell(AWK, ...files));
  expect(rows.length).toBeGreaterThan(10);
  expect(sequential.text).toBe(text);
  expect(report.badRecords).toBeUndefined();
});

test('the same log, plain and cut into many splits, gives the same rows', async () => {
  const log = accessLog({ seed: 1, requests: 2000 });

  const whole = await runApp('alb', { inputs: [inputFile('whole.log.gz', gzipSync(log))] });
  const cut = await runApp('alb', { inputs: [inputFile('plain.log', log)], splitSizeBytes: 50_000 });

  expect(cut.report.input.splits).toBeGreaterThan(5);
  expect(cut.text).toBe(whole.text);
});

test('--set per and --set slow choose the interval and what is slow', async () => {
  const inputs = [
    inputFile('two.log', `${line({ minute: 7, seconds: 0.2 })}${line({ minute: 8, seconds: 0.6 })}`),
  ];

  const perDay = await runApp('alb', { inputs, params: { per: 'day', slow: '0.5' } });
  const perMinute = await runApp('alb', { inputs, params: { per: 'minute' } });

  expect(linesOf(perDay.text)[1]).toBe('web/73e2d6bc24d8a067,2026-11-29,2,0,0,68,732,0.400,0.600,1');
  expect(
    linesOf(perMinute.text)
      .slice(1)
      .map((row) => row.split(',')[1]),
  ).toEqual(['2026-11-29T10:07', '2026-11-29T10:08']);
});

test('skips and counts lines of another format, and fails if there are many', async () => {
  const other = 'tls 2.0 2026-11-29T10:07:00 net/my-network-loadbalancer/c6e77e28c25b2234 g3d4b5e8bb8464cd\n';

  const few = await runApp('alb', {
    inputs: [inputFile('few.log', line({ minute: 7, seconds: 0.2 }) + other)],
  });
  const many = runApp('alb', { inputs: [inputFile('many.log', other.repeat(101))], attemptsMax: 1 });

  expect(few.report.badRecords).toBe(1);
  await expect(many).rejects.toThrow(/101 records are bad; the job skips 100/);
});

interface Request {
  readonly hour?: number;
  readonly minute: number;
  readonly seconds: number;
  readonly status?: number;
  readonly group?: string;
  readonly request?: string;
  readonly agent?: string;
  readonly bytes?: readonly [received: number, sent: number];
  readonly newFields?: string;
}

function line(of: Request): string {
  const { hour = 10, minute, seconds, status = 200, request = '/', agent = 'curl/8.9.1' } = of;
  const { group = 'web/73e2d6bc24d8a067', bytes = [34, 366], newFields = '' } = of;
  const time = `2026-11-29T${hour}:${String(minute).padStart(2, '0')}:00.186641Z`;
  const arn =
    group === '-' ? '-' : `arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/${group}`;
  const times = seconds < 0 ? '-1 -1 -1' : `0.000 ${seconds.toFixed(3)} 0.000`;
  return (
    `h2 ${time} app/shop/50dc6c495c0c9188 203.0.113.9:2817 10.0.0.1:80 ${times} ${status} - ${bytes.join(' ')} ` +
    `"GET https://www.example.com:443${request} HTTP/2.0" "${agent}" - - ${arn} "Root=1-5" "-" "-" 0 ${time} ` +
    `"forward" "-" "-" "-" "-" "-" "-"${newFields}\n`
  );
}

function accessLog({ seed, requests }: { seed: number; requests: number }): string {
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const lines = Array.from({ length: requests }, () =>
    line({
      hour: pick([10, 11, 12]),
      minute: Math.floor(random() * 60),
      seconds: random() < 0.1 ? -1 : random() ** 4 * 3,
      status: pick([200, 204, 301, 404, 460, 500, 503]),
      group: pick(['web/73e2d6bc24d8a067', 'api/0123456789abcdef', 'täglich/1', '-']),
      request: pick(['/', '/search?q=a b c', '/\\x22quoted\\x22', '/%22']),
      agent: pick(['curl/8.9.1', '-', '', 'Mozilla/5.0 (X11; Linux x86_64) \\x22x\\x22', 'über 1.0']),
      bytes: [Math.floor(random() * 1e5), Math.floor(random() * 1e9)],
      newFields: pick(['', ' TID_dc57cebed65b444ebc8177bb698fe166', ' TID_1 "-" "-" "-"']),
    }),
  );
  return lines.join('');
}
