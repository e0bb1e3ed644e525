/**
 * Sends MAPREDUCE_FUZZ_REQUESTS hostile requests, starting at MAPREDUCE_FUZZ_SEED. `npm run fuzz -- requests` sends
 * more.
 */
import { HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from 'vitest';
import { Random } from '../../simulation/random.ts';
import type { FailureDocument } from '../../src/aws/protocol/documents.ts';
import { hostileRequest, READABLE, SECRET } from '../fuzz/hostile-requests.ts';
import type { DeployedStack, EndedExecution } from './deployed-stack.ts';
import { selected } from './selection.ts';
import { takeStack } from './shared-stack.ts';
import { describeOnEmulators } from './with-emulator.ts';

const REQUESTS = Number(process.env.MAPREDUCE_FUZZ_REQUESTS ?? 20);
const SEED = Number(process.env.MAPREDUCE_FUZZ_SEED ?? 1);
/**
 * The time from the upload of a request to the end of its execution. A request that starts thousands of functions is
 * slow.
 */
const REQUEST_MS_MAX = 90_000;
const TASKS_MAX = 100;

describeOnEmulators('Hostile requests', (emulator) => {
  let stack: DeployedStack;
  let before: Record<string, string>;

  beforeAll(async () => {
    const shared = await takeStack(emulator);
    stack = shared.stack;
    // A request for the maximum number of tasks is not an attack, but 10,000 functions take an emulator an hour.
    await stack.configure('plan', { variables: { MAPREDUCE_MAX_TASKS_PER_STAGE: String(TASKS_MAX) } });
    await stack.put(`${READABLE}a.txt`, 'to be or not to be\n'.repeat(50));
    await stack.put(`${READABLE}b.txt`, 'that is the question\n'.repeat(50));
    await stack.put('work/canary/shuffle/m-00000', `${SECRET}\n`);
    await stack.put('jobs/canary/secret.txt', `${SECRET}\n`);
    const request = { app: 'word-count', inputs: [READABLE], output: 'output/canary/' };
    expect(await stack.start({ jobId: 'canary-job', request })).toMatchObject({ status: 'SUCCEEDED' });
    before = await objectsOf(stack, ['output/canary/', 'work/canary/', 'jobs/canary', 'data/']);
    return shared.release;
  });

  test.runIf(selected(emulator, 'hostile requests'))(
    `${REQUESTS} requests from seed ${SEED}: each ends soon with a clear answer, and changes no object of another job`,
    async () => {
      const problems: string[] = [];
      for (let i = 0; i < REQUESTS; i++) {
        const seed = SEED + i;
        const body = hostileRequest(new Random(seed));
        const key = `requests/hostile-${seed}.json`;
        const startedMs = performance.now();
        await stack.put(key, body);
        const ended = await executionOf(stack, key);
        const found = await problemsOf(stack, { key, ended, elapsedMs: performance.now() - startedMs });
        problems.push(
          ...found.map((problem) => `seed ${seed}, ${body.toString().slice(0, 200)}:\n    ${problem}`),
        );
      }
      const after = await objectsOf(stack, ['output/canary/', 'work/canary/', 'jobs/canary', 'data/']);

      expect(problems).toEqual([]);
      expect(after).toMatchObject(before);
    },
    3_600_000,
  );
});

/** Failure notes start executions too, which end at once because there is nothing to do. */
async function executionOf(stack: DeployedStack, key: string): Promise<EndedExecution> {
  for (;;) {
    const ended = await stack.next();
    const { detail } = ended.input as { detail?: { object?: { key?: string } } };
    if (detail?.object?.key === key) return ended;
  }
}

async function problemsOf(
  stack: DeployedStack,
  { key, ended, elapsedMs }: { key: string; ended: EndedExecution; elapsedMs: number },
): Promise<string[]> {
  const slow = elapsedMs > REQUEST_MS_MAX ? [`took ${Math.round(elapsedMs / 1000)} s`] : [];
  if (ended.status === 'SUCCEEDED') return [...slow, ...(await leaks(stack, ended))];
  if (ended.status !== 'FAILED') return [...slow, `ended as ${ended.status}`];
  const noteKey = key.replace(/\.json$/, '.failure.json');
  const note = await stack.get(noteKey);
  if (note === undefined) return [...slow, `wrote no ${noteKey}: ${ended.error}: ${ended.cause}`];
  const { error, message } = JSON.parse(note.toString()) as FailureDocument;
  return [
    ...slow,
    ...(/^(States\.|Lambda\.|Error$|TypeError|RangeError|SyntaxError)/.test(error)
      ? [`a bare ${error}`]
      : []),
    ...(/undefined|\[object|RangeError|Maximum call stack|NaN/.test(message) ? [`unclear: ${message}`] : []),
    ...(message.length > 5_000 ? [`a message of ${message.length} characters`] : []),
    ...(message.includes(SECRET) ? ['the message contains the secret'] : []),
  ];
}

/** Lists the parts of a result that contain data that the sender of the request may not read. */
async function leaks(stack: DeployedStack, ended: EndedExecution): Promise<string[]> {
  const prefix = ended.output?.outputPrefix as string | undefined;
  if (prefix === undefined) return [];
  const { parts } = await stack.result(prefix);
  return [...parts].flatMap(([name, bytes]) =>
    bytes.includes(SECRET) ? [`${prefix}${name} contains the secret`] : [],
  );
}

async function objectsOf(stack: DeployedStack, prefixes: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const Prefix of prefixes) {
    const { Contents = [] } = await stack.s3.send(new ListObjectsV2Command({ Bucket: stack.bucket, Prefix }));
    for (const { Key } of Contents) {
      const { ETag } = await stack.s3.send(new HeadObjectCommand({ Bucket: stack.bucket, Key: Key! }));
      found[Key!] = ETag!;
    }
  }
  return found;
}
