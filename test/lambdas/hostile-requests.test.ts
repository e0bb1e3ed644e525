import { expect, test } from 'vitest';
import type { FailureDocument } from '../../src/aws/protocol/documents.ts';
import { copy } from '../helpers/jobs.ts';
import { SimulatedMachine } from './simulated-machine.ts';

const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const withField = (field: string) => `{"app":"copy","inputs":["data/a.txt"],${field}}`;

test.each<[string, string | Buffer, RegExp]>([
  [
    'an app name of 200,000 characters',
    `{"app":"${'x'.repeat(200_000)}","inputs":["data/a.txt"]}`,
    /200000 characters.*the maximum .* is 200/,
  ],
  ['100,000 nested arrays', deep(100_000), /nested more than 64 levels/],
  [
    'a parameter of 100,000 nested arrays',
    withField(`"params":{"a":${deep(100_000)}}`),
    /nested more than 64/,
  ],
  [
    'a long unknown app',
    `{"app":"${'copy'.repeat(50)}","inputs":["data/a.txt"]}`,
    /there is no app 'copycopy.*… \(200 characters\)/,
  ],
  ['no bytes', '', /is not JSON/],
  ['null', 'null', /must be an object with app/],
  ['a list', '[]', /must be an object with app/],
  ['a text', '"copy"', /is not JSON/],
  ['half a request', '{"app":"copy","inp', /is not JSON/],
  ['Latin-1', Buffer.from('{"app":"caf\xe9","inputs":["data/a.txt"]}', 'latin1'), /is not UTF-8/],
  ['UTF-16', Buffer.from('{"app":"copy"}', 'utf16le'), /is not JSON/],
  ['a huge number', withField('"reducers":1e400'), /reducers: must be a whole number from 0/],
  [
    'an app that is named twice',
    '{"app":"grep","inputs":["data/a.txt"],"app":"copy"}',
    /: app: occurs twice/,
  ],
  [
    'a parameter that is given twice, once with escapes',
    withField('"params":{"a":1,"b":{},"\\u0061":2}'),
    /: params\.a: occurs twice/,
  ],
  [
    'a text of 100,000 characters for true or false',
    withField(`"merge":"${'x'.repeat(100_000)}"`),
    /merge: must be true/,
  ],
  ['inputs of another type', '{"app":"copy","inputs":{"0":"data/a.txt"}}', /inputs/],
])('a request of %s fails with a message and a failure note', async (_, body, message) => {
  await using machine = await SimulatedMachine.start({ copy });
  const key = 'requests/hostile.json';
  await machine.store.put('data/a.txt', Buffer.from('one\n'));
  await machine.store.put(key, Buffer.from(body));

  const ended = await machine.execute(uploaded(key));
  const note = JSON.parse(
    (await machine.store.get('requests/hostile.failure.json')).toString(),
  ) as FailureDocument;

  expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'UsageError' } });
  expect(note.message).toMatch(message);
  expect(note.message).not.toMatch(/undefined|RangeError|Maximum call stack/);
  expect(note.message.length).toBeLessThan(1_000);
});

test('a submitted request that is nested 10,000 deep fails with a message and a failure note', async () => {
  await using machine = await SimulatedMachine.start({ copy });

  const ended = await machine.execute({ jobId: 'deep', request: { app: JSON.parse(deep(10_000)) } });

  expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'UsageError' } });
  expect((await machine.store.get('jobs/deep/failure.json')).toString()).toContain('nested more than 64');
});

test('a request with a byte order mark is read', async () => {
  await using machine = await SimulatedMachine.start({ copy });
  await machine.store.put('data/a.txt', Buffer.from('one\n'));
  await machine.store.put('requests/bom.json', Buffer.from('\ufeff{"app":"copy","inputs":["data/a.txt"]}'));

  expect(await machine.execute(uploaded('requests/bom.json'))).toMatchObject({ status: 'SUCCEEDED' });
});

test.each(['null', '7', '{"app":', ''])('a plan that is %j fails by its name', async (text) => {
  await using machine = await SimulatedMachine.start({ copy });
  await machine.store.put('data/a.txt', Buffer.from('one\n'));
  const request = { app: 'copy', inputs: ['data/a.txt'] };
  const damage = async () => {
    await machine.store.put('jobs/damaged/plan/plan.json', Buffer.from(text));
  };

  const ended = await machine.execute({ jobId: 'damaged', request }, { beforeAttempt: damage });

  expect(ended).toMatchObject({ status: 'FAILED', failure: { error: 'StorageError' } });
  expect(JSON.stringify(ended)).toContain('plan.json no longer holds the JSON that was written there');
});

function uploaded(key: string) {
  return {
    source: 'aws.s3',
    detail: { bucket: { name: 'the-bucket' }, object: { key, sequencer: '1' } },
  };
}
