/** Starts more functions than an emulator may run at once, on an emulator of its own with a low limit. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { InvokeCommand, LambdaClient, TooManyRequestsException } from '@aws-sdk/client-lambda';
import { beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';

import { type RunningEmulator, startLocalStack, startMiniStack } from '../../emulators/start.ts';
import { createFunction, createRole } from './deploy.ts';
import { DeployedStack, type EndedExecution } from './deployed-stack.ts';
import { until } from './helpers/until.ts';
import { selected } from './selection.ts';
import { describeOnEmulators, type EmulatorUnderTest, underTest } from './with-emulator.ts';

const PROCESSES_MAX = 10;
/** More than may run at once, in each of their steps. */
const UPLOADS = 16;

/** A function that reports its arrival and stays until the test lets it go. */
const GUEST = `
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export async function handler({ folder, guest }) {
  writeFileSync(path.join(folder, guest), '');
  while (!existsSync(path.join(folder, 'go'))) await new Promise((resolve) => setTimeout(resolve, 20));
  return guest;
}
`;

describeOnEmulators('Starting more functions than may run at once', (shared) => {
  let running: RunningEmulator;
  let emulator: EmulatorUnderTest;
  let processes: Processes;

  beforeAll(async () => {
    const start = shared.name === 'LocalStack' ? startLocalStack : startMiniStack;
    const folderOfRun = await mkdtemp(path.join(tmpdir(), 'mapreduce-burst-'));
    running = await start({ port: 'auto', quiet: true, functionProcessesMax: PROCESSES_MAX });
    emulator = underTest({ ...running, folderOfRun });
    return async () => {
      await running.stop();
      await rm(folderOfRun, { recursive: true, force: true });
    };
  });

  beforeEach(() => {
    processes = new Processes(running.pid);
    return () => processes.stop();
  });

  test('a caller that waits for the answer is throttled, and an event waits in a queue', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'mapreduce-guests-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const role = await createRole(emulator, 'lambda');
    const { name: FunctionName } = await createFunction(emulator, { files: { 'index.mjs': GUEST }, role });
    const lambda = new LambdaClient({ ...emulator.clientConfig, maxAttempts: 1 });
    const invite = async (guest: string, InvocationType: 'Event' | 'RequestResponse') => {
      const Payload = JSON.stringify({ folder, guest });
      const { Payload: answer } = await lambda.send(
        new InvokeCommand({ FunctionName, InvocationType, Payload }),
      );
      return answer?.transformToString();
    };
    const arrived = async () => (await readdir(folder)).sort();
    const first = Array.from({ length: PROCESSES_MAX }, (_, guest) => `first-${guest}`);

    const answers = first.map((guest) => invite(guest, 'RequestResponse'));
    await until('as many functions as may run at once', async () =>
      (await arrived()).length === PROCESSES_MAX ? true : undefined,
    );
    const refused = await Promise.race([
      invite('too-many', 'RequestResponse').catch((error: unknown) => error),
      sleep(10_000, 'neither an answer nor an error'),
    ]);
    for (const guest of ['event-0', 'event-1', 'event-2']) await invite(guest, 'Event');
    // Long enough for the emulator to try to run them.
    await sleep(1_500);
    const beforeOthersLeft = await arrived();
    await writeFile(path.join(folder, 'go'), '');

    expect(refused).toBeInstanceOf(TooManyRequestsException);
    expect(refused).toMatchObject({ $metadata: { httpStatusCode: 429 } });
    expect(beforeOthersLeft).toEqual(first);
    expect(await Promise.all(answers)).toEqual(first.map((guest) => JSON.stringify(guest)));
    await until('the events', async () =>
      (await arrived()).filter((guest) => guest.startsWith('event-')).length === 3 ? true : undefined,
    );
    expect(await arrived()).not.toContain('too-many');
    expect(processes.max).toBe(PROCESSES_MAX);
  });

  test.runIf(selected(shared, 'burst of uploads'))(
    `${UPLOADS} simultaneous uploads produce ${UPLOADS} results with at most ${PROCESSES_MAX} processes`,
    async () => {
      const stack = await DeployedStack.deploy(emulator, { maxConcurrency: 4, taskMemoryMb: 512 });
      const names = Array.from({ length: UPLOADS }, (_, upload) => `upload-${upload}`);

      const startedMs = performance.now();
      await Promise.all(names.map((name) => stack.put(`input/word-count/${name}.txt`, `${name} of many\n`)));
      const failed: EndedExecution[] = [];
      for (const _ of names) {
        const ended = await stack.next();
        if (ended.status !== 'SUCCEEDED') failed.push(ended);
      }
      const elapsedMs = performance.now() - startedMs;

      console.error(
        `${emulator.name}: ${UPLOADS} uploads took ${(elapsedMs / 1000).toFixed(1)} s with ${processes.max} processes`,
      );
      expect(failed).toEqual([]);
      expect(processes.max).toBe(PROCESSES_MAX);
    },
  );
});

/** The highest number of function processes of an emulator seen at one time, including idle ones. */
class Processes {
  max = 0;
  readonly #stopped = new AbortController();
  readonly #watching: Promise<void>;

  constructor(emulatorPid: number) {
    this.#watching = this.#watch(emulatorPid);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#watching;
  }

  async #watch(emulatorPid: number): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.max = Math.max(this.max, await countFunctionProcesses(emulatorPid));
      await sleep(100);
    }
  }
}

async function countFunctionProcesses(emulatorPid: number): Promise<number> {
  const { stdout } = await promisify(execFile)('/bin/ps', ['-A', '-ww', '-o', 'pid=,ppid=,args='], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const all = [...stdout.matchAll(/^ *(\d+) +(\d+) (.*)$/gm)].map(([, pid, parent, args]) => ({
    pid: Number(pid),
    parent: Number(parent),
    args: args!,
  }));
  const ours = new Set([emulatorPid]);
  // The list may contain a child before its parent.
  for (let size = 0; size !== ours.size; ) {
    size = ours.size;
    for (const { pid, parent } of all) if (ours.has(parent)) ours.add(pid);
  }
  return all.filter(({ pid, args }) => ours.has(pid) && args.includes('bootstrap.mjs')).length;
}
