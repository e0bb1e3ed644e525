import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { beforeAll, expect, onTestFinished, test } from 'vitest';

import { createFunction, createRole, type FunctionOptions, invoke } from './deploy.ts';
import { until } from './helpers/until.ts';
import { describeOnEmulators, uniqueName } from './with-emulator.ts';

/** A function whose event says how to behave. */
const BEHAVIOURS = `
import { writeFileSync, existsSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

let invocations = 0;
let lastTickAt = 0;
let longestPauseMs = 0;
class CorruptShuffleError extends Error { name = 'CorruptShuffleError'; }

export async function handler(event, context) {
  invocations += 1;
  switch (event.do) {
    case 'echo': return { event, pid: process.pid, invocations };
    case 'context': return { ...context, remainingMs: context.getRemainingTimeInMillis(), env: { ...process.env }, cwd: process.cwd() };
    case 'throw': throw new CorruptShuffleError('block 7 of partition 3');
    case 'throw a string': throw 'only text';
    case 'exit': process.exit(event.code);
    case 'kill': process.kill(process.pid, 'SIGKILL'); await new Promise(() => setTimeout(() => {}, 10_000)); break;
    case 'sleep': await new Promise((resolve) => setTimeout(resolve, event.ms)); return null;
    case 'meet': {
      writeFileSync(path.join(event.folder, context.awsRequestId), '');
      while (readdirSync(event.folder).length < event.callers) await new Promise((resolve) => setTimeout(resolve, 10));
      return { pid: process.pid, left: existsSync(path.join(os.tmpdir(), 'left')) };
    }
    case 'spin': for (;;);
    case 'never': await new Promise(() => {}); break;
    case 'reject aside': Promise.reject(new CorruptShuffleError('nobody awaits this')); await new Promise((resolve) => setTimeout(resolve, 20_000)); break;
    case 'buffers': { const kept = []; for (;;) { kept.push(Buffer.alloc(16 * 1024 * 1024, 1)); await new Promise((resolve) => setTimeout(resolve, 50)); } }
    case 'heap': { const kept = []; for (;;) kept.push(new Array(100_000).fill(kept.length + 0.5)); }
    case 'leave a file': writeFileSync(path.join(os.tmpdir(), 'left'), 'x'); return { tmp: os.tmpdir() };
    case 'look': return { tmp: os.tmpdir(), left: existsSync(path.join(os.tmpdir(), 'left')) };
    case 'tick': {
      lastTickAt = Date.now();
      setInterval(() => {
        longestPauseMs = Math.max(longestPauseMs, Date.now() - lastTickAt);
        lastTickAt = Date.now();
      }, 10).unref();
      return { pid: process.pid };
    }
    case 'ticked': await new Promise((resolve) => setTimeout(resolve, 100)); return { longestPauseMs };
    case 'log': console.log('a line of the function', event.text); console.error('and another'); return null;
    case 'large': return 'x'.repeat(event.bytes);
    case 'length': return event.text.length;
  }
}
`;

/** The answer to `meet`. `left`: whether the environment has the file written by `leave a file`. */
interface Met {
  pid: number;
  left: boolean;
}

describeOnEmulators('Lambda', (emulator) => {
  let role: string;

  beforeAll(async () => {
    role = await createRole(emulator, 'lambda');
  });

  test('a function answers, reuses its process while it is warm, and a second caller gets a second environment', async () => {
    const run = await deployed();

    const first = await run({ do: 'echo', text: 'grüße' });
    const second = await run({ do: 'echo' });
    const both = await twoAtOnce(run);

    expect(first).toMatchObject({
      failed: false,
      payload: { event: { do: 'echo', text: 'grüße' }, invocations: 1 },
    });
    expect(second.payload).toMatchObject({ pid: first.payload.pid, invocations: 2 });
    expect(both[0].pid).not.toBe(both[1].pid);
    expect(both.map(({ pid }) => pid)).toContain(first.payload.pid);
  });

  test('passes the context and the environment that Lambda passes', async () => {
    const run = await deployed({ variables: { MINE: 'yes' }, memorySizeMb: 512, timeoutS: 300 });

    const { payload } = await run({ do: 'context' });

    expect(payload).toMatchObject({ memoryLimitInMB: '512', functionVersion: '$LATEST' });
    expect(payload.invokedFunctionArn).toMatch(/^arn:aws:lambda:us-east-1:\d{12}:function:function-/);
    expect(payload.awsRequestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(payload.remainingMs).toBeGreaterThan(200_000);
    expect(payload.remainingMs).toBeLessThanOrEqual(300_000);
    expect(payload.env).toMatchObject({
      MINE: 'yes',
      AWS_REGION: 'us-east-1',
      AWS_LAMBDA_FUNCTION_NAME: payload.functionName,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_ENDPOINT_URL: emulator.endpoint,
      LAMBDA_TASK_ROOT: payload.cwd,
      _HANDLER: 'index.handler',
    });
    expect(payload.env).toHaveProperty('AWS_ACCESS_KEY_ID');
    expect(payload.env).toHaveProperty('AWS_LAMBDA_LOG_STREAM_NAME');
    // No variables of the machine that runs the emulator.
    expect(payload.env).not.toHaveProperty('VITEST');
    expect(payload.env).not.toHaveProperty('PYTHONPATH');
  });

  test('reports the name of a thrown error as errorType, with its stack trace', async () => {
    const run = await deployed();

    const { failed, payload } = await run({ do: 'throw' });
    const text = await run({ do: 'throw a string' });
    const afterwards = await run({ do: 'echo' });

    expect(failed).toBe(true);
    expect(payload).toMatchObject({
      errorType: 'CorruptShuffleError',
      errorMessage: 'block 7 of partition 3',
    });
    expect(payload.trace[1]).toMatch(/at (Runtime\.)?handler .*index\.mjs:\d+/);
    expect(text.payload).toMatchObject({ errorType: 'string', errorMessage: 'only text' });
    expect(afterwards.payload.invocations).toBe(3);
  });

  test('if the process exits or is killed during an invocation, only that invocation fails', async () => {
    const run = await deployed();

    const exited = await run({ do: 'exit', code: 3 });
    const silently = await run({ do: 'exit', code: 0 });
    const killed = await run({ do: 'kill' });
    const afterwards = await run({ do: 'echo' });

    expect(exited.payload).toMatchObject({ errorType: 'Runtime.ExitError' });
    expect(exited.payload.errorMessage).toMatch(
      /RequestId: .* Error: Runtime exited with error: exit status 3/,
    );
    expect(silently.payload.errorMessage).toMatch(/Runtime exited without providing a reason/);
    expect(killed.payload.errorMessage).toMatch(/Runtime exited with error: signal: killed/);
    expect(afterwards).toMatchObject({ failed: false, payload: { invocations: 1 } });
  });

  test('an unhandled rejection and a promise that never settles fail the invocation at once', async () => {
    const run = await deployed();

    const rejected = await run({ do: 'reject aside' });
    const never = await run({ do: 'never' });

    expect(rejected.payload).toMatchObject({ errorType: 'Runtime.UnhandledPromiseRejection' });
    expect(never.payload).toMatchObject({ errorType: 'Runtime.NodeJsExit' });
    // Well before the function's time limit.
    expect(never.elapsedMs).toBeLessThan(120_000);
  });

  test('kills a function at its timeout, even in a busy loop, and the function works afterwards', async () => {
    const run = await deployed({ timeoutS: 1 });

    const slow = await run({ do: 'sleep', ms: 300_000 });
    const busy = await run({ do: 'spin' });
    // On a busy machine, even an echo may take longer than a second.
    const afterwards = await until('an echo within the time limit', async () => {
      const echo = await run({ do: 'echo' });
      return echo.failed ? undefined : echo;
    });

    for (const { failed, payload, elapsedMs } of [slow, busy]) {
      expect(failed).toBe(true);
      expect(payload.errorType).toBe('Sandbox.Timedout');
      expect(payload.errorMessage).toMatch(/Task timed out after 1\.00 seconds/);
      expect(elapsedMs).toBeGreaterThan(950);
      expect(elapsedMs).toBeLessThan(120_000);
    }
    expect(afterwards).toMatchObject({ failed: false, payload: { invocations: 1 } });
  });

  test('kills a function that exceeds its memory, with buffers or with heap', async () => {
    const run = await deployed({ memorySizeMb: 128 });

    const buffers = await run({ do: 'buffers' });
    const heap = await run({ do: 'heap' });
    const afterwards = await run({ do: 'echo' });

    expect(buffers.payload).toMatchObject({ errorType: 'Runtime.OutOfMemory' });
    expect(buffers.payload.errorMessage).toMatch(/signal: killed/);
    expect(['Runtime.OutOfMemory', 'Runtime.ExitError']).toContain(heap.payload.errorType);
    expect(afterwards.failed).toBe(false);
  });

  test('each environment has its own temporary folder, which outlives its process', async () => {
    const run = await deployed();

    const left = await run({ do: 'leave a file' });
    await run({ do: 'exit', code: 1 });
    const sameEnvironment = await run({ do: 'look' });
    const both = await twoAtOnce(run);

    expect(sameEnvironment.payload).toEqual({ tmp: left.payload.tmp, left: true });
    expect(both.map(({ left }) => left).sort()).toEqual([false, true]);
  });

  test('freezes a process between two invocations', async () => {
    const run = await deployed();

    const { payload: ticking } = await run({ do: 'tick' });
    await until('a stopped process', () => (isStopped(ticking.pid) ? true : undefined));
    await sleep(1_000);
    const { payload: ticked } = await run({ do: 'ticked' });

    expect(ticked.longestPauseMs).toBeGreaterThanOrEqual(900);
  });

  test('if a module does not load, every invocation fails with its error', async () => {
    const run = await deployed({ files: { 'index.mjs': "throw new RangeError('at load');" } });

    const first = await run({});
    const second = await run({});

    for (const { failed, payload } of [first, second]) {
      expect(failed).toBe(true);
      expect(payload).toMatchObject({ errorType: 'RangeError', errorMessage: 'at load' });
    }
  });

  test('runs a CommonJS handler', async () => {
    const run = await deployed({ files: { 'index.js': 'exports.handler = async (event) => event.n + 1;' } });

    expect((await run({ n: 41 })).payload).toBe(42);
  });

  test('passes payloads of megabytes in both directions, and rejects more than 6 MB', async () => {
    const run = await deployed();

    const received = await run({ do: 'length', text: 'y'.repeat(5_000_000) });
    const large = await run({ do: 'large', bytes: 5_000_000 });
    const tooLarge = await run({ do: 'large', bytes: 7_000_000 });

    expect(received.payload).toBe(5_000_000);
    expect(large.payload).toHaveLength(5_000_000);
    expect(tooLarge.payload).toMatchObject({ errorType: 'Function.ResponseSizeTooLarge' });
  });

  test("writes logs to the function's log group, with a REPORT line", async () => {
    const logGroup = `/mapreduce/${uniqueName('logs')}`;
    const run = await deployed({ logGroup, memorySizeMb: 320 });
    await run({ do: 'log', text: 'with text' });
    await run({ do: 'exit', code: 4 });

    const lines = await untilLogged(logGroup, /REPORT .*Error Type: Runtime\.ExitError/);

    expect(lines).toMatch(/START RequestId: .* Version: \$LATEST/);
    expect(lines).toMatch(/\tINFO\ta line of the function with text/);
    expect(lines).toMatch(/\tERROR\tand another/);
    expect(lines).toMatch(
      /REPORT RequestId: .*\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 320 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms/,
    );
    expect(lines).toMatch(/REPORT .*Status: error\tError Type: Runtime\.ExitError/);
  });

  async function deployed(options: Partial<FunctionOptions> = {}) {
    const { name } = await createFunction(emulator, { files: { 'index.mjs': BEHAVIOURS }, role, ...options });
    return (event: unknown) => invoke(emulator, name, event);
  }

  /** The answers of two simultaneous invocations. Each waits for the other, so they must run at the same time. */
  async function twoAtOnce(run: Awaited<ReturnType<typeof deployed>>): Promise<[Met, Met]> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'mapreduce-meet-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const meet = async () => (await run({ do: 'meet', folder, callers: 2 })).payload as Met;
    return await Promise.all([meet(), meet()]);
  }

  async function untilLogged(logGroupName: string, pattern: RegExp): Promise<string> {
    const logs = new CloudWatchLogsClient(emulator.clientConfig);
    return await until(`${pattern} in ${logGroupName}`, async () => {
      const found = await logs.send(new FilterLogEventsCommand({ logGroupName })).catch(() => undefined);
      const lines = (found?.events ?? []).map((event) => event.message!.trimEnd()).join('\n');
      return pattern.test(lines) ? lines : undefined;
    });
  }
});

function isStopped(pid: number): boolean {
  return execFileSync('/bin/ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('T');
}
