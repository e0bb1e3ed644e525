import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { seededRandom } from '../../../simulation/seeded-random.ts';
import { appFile, inputFile, linesOf, runApp } from '../run-app.ts';

type Json = Record<string, unknown>;

const rowsOf = (text: string): Json[] => linesOf(text).map((line) => JSON.parse(line) as Json);

test('groups the calls of the sample by what --set by names', async () => {
  const inputs = [appFile('cloudtrail', 'sample')];

  const { text } = await runApp('cloudtrail', { inputs, params: { by: 'principal' } });
  const { text: byDay } = await runApp('cloudtrail', {
    inputs,
    params: { by: 'day,awsRegion', 'errors-only': 'true' },
  });

  // All sessions of a role are one row.
  expect(rowsOf(text).map(({ principal }) => principal)).toEqual([
    'arn:aws:iam::111122223333:role/web',
    'arn:aws:iam::111122223333:root',
    'arn:aws:iam::111122223333:user/ada',
    'lambda.amazonaws.com',
  ]);
  expect(rowsOf(text).reduce((sum, { calls }) => sum + Number(calls), 0)).toBe(30);
  expect(rowsOf(byDay)).toEqual([
    { day: '2026-11-29', awsRegion: 'eu-central-1', calls: 1, errors: 1 },
    { day: '2026-11-29', awsRegion: 'us-east-1', calls: 6, errors: 6 },
  ]);
});

test('agrees with a count in memory on 300 documents, with worker threads and sequentially', async () => {
  const documents = Array.from({ length: 300 }, (_, i) => documentOf(i));
  const files = documents.map((records, i) =>
    inputFile(`trail/${i % 7}/${i}.json.gz`, gzipSync(JSON.stringify({ Records: records }))),
  );
  const inputs = [dirname(dirname(files[0]!))];
  const expected = new Map<string, { calls: number; errors: number }>();
  for (const file of files) {
    const { Records } = JSON.parse(gunzipSync(readFileSync(file)).toString()) as { Records: Json[] };
    for (const { eventSource, eventName, errorCode = null } of Records) {
      const group = JSON.stringify({ eventSource, eventName, errorCode });
      const sums = expected.get(group) ?? { calls: 0, errors: 0 };
      expected.set(group, { calls: sums.calls + 1, errors: sums.errors + Number(errorCode !== null) });
    }
  }

  const { text, report } = await runApp('cloudtrail', { inputs, reducers: 3, splitSizeBytes: 10_000 });
  const sequential = await runApp('cloudtrail', { inputs, reducers: 3, workers: 'sequential' });

  expect(report.input.files).toBe(300);
  expect(report.input.splits).toBeGreaterThan(5);
  expect(sequential.text).toBe(text);
  expect(rowsOf(text)).toHaveLength(expected.size);
  for (const { calls, errors, ...group } of rowsOf(text)) {
    expect({ calls, errors }).toEqual(expected.get(JSON.stringify(group)));
  }
});

test('skips and counts what is no event, such as a digest file', async () => {
  const { text, report } = await runApp('cloudtrail', {
    inputs: [
      inputFile('mixed/digest.json.gz', gzipSync('{"digestPublicKeyFingerprint":"x","logFiles":[]}')),
      inputFile(
        'mixed/events.json.gz',
        gzipSync(JSON.stringify({ Records: [{ eventName: 'NoSource' }, ...documentOf(1).slice(0, 1)] })),
      ),
    ],
    params: { by: 'eventSource' },
  });

  expect(rowsOf(text)).toHaveLength(1);
  expect(report.badRecords).toBe(2);
});

test('rejects what by cannot name', async () => {
  const run = runApp('cloudtrail', {
    inputs: [appFile('cloudtrail', 'sample')],
    params: { by: 'eventName,user' },
    attemptsMax: 1,
  });

  await expect(run).rejects.toThrow(/by is a list of eventSource, .*; received user/);
});

/** Events with and without errors, and what else events hold. */
function documentOf(seed: number): Json[] {
  const random = seededRandom(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  return Array.from({ length: Math.floor(random() * 20) }, (_, i) => ({
    eventVersion: '1.11',
    userIdentity: pick([null, { type: 'Root', arn: 'arn:aws:iam::111122223333:root' }, { type: 'Unknown' }]),
    eventTime: '2026-11-29T10:15:02Z',
    eventSource: pick(['s3.amazonaws.com', 'kms.amazonaws.com', 'ec2.amazonaws.com']),
    eventName: pick(['Get', 'Put', 'List']),
    ...(random() < 0.3 ? { errorCode: pick(['AccessDenied', 'Throttling']), errorMessage: 'é "no"' } : {}),
    requestParameters: pick([null, { Records: [{ eventName: 'nested' }] }]),
    eventID: `${seed}-${i}`,
  }));
}
