/** Starts the emulators of this run, once for all test files, and stops them at its end. */
import type { TestProject } from 'vitest/node';

import {
  type EmulatorName,
  EmulatorUnavailableError,
  type RunningEmulator,
  startLocalStack,
  startMiniStack,
} from '../../emulators/start.ts';
import type { ProvidedEmulator } from './with-emulator.ts';

const STARTERS = {
  localstack: { name: 'LocalStack', start: startLocalStack },
  ministack: { name: 'MiniStack', start: startMiniStack },
} as const;

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const running: RunningEmulator[] = [];
  const stopAll = async () => {
    await Promise.all(running.map((emulator) => emulator.stop()));
  };
  const results = await Promise.allSettled(
    chosenEmulators().map(({ name, start }) => startOrExplain(name, start, running)),
  );
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) {
    await stopAll();
    throw failure.reason;
  }
  project.provide(
    'emulators',
    results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
  );
  return stopAll;
}

async function startOrExplain(
  name: EmulatorName,
  start: (options: { port: 'auto' }) => Promise<RunningEmulator>,
  running: RunningEmulator[],
): Promise<ProvidedEmulator> {
  try {
    const emulator = await start({ port: 'auto' });
    running.push(emulator);
    console.error(
      `${name} ready after ${(emulator.startedInMs / 1000).toFixed(1)} s, log: ${emulator.logFile}`,
    );
    return {
      name,
      endpoint: emulator.endpoint,
      environment: emulator.environment,
      logFile: emulator.logFile,
    };
  } catch (error) {
    if (!(error instanceof EmulatorUnavailableError) || process.env.CI === 'true') throw error;
    const line = '!'.repeat(100);
    console.error(`\n${line}\nEMULATOR TESTS ARE SKIPPED, NOT PASSED: ${error.message}\n${line}\n`);
    return { name, unavailable: error.message };
  }
}

function chosenEmulators() {
  const wanted = (process.env.MAPREDUCE_EMULATORS ?? 'localstack').split(',').map((name) => name.trim());
  if (wanted.length === 1 && wanted[0] === 'none') return [];
  return wanted.map((name) => {
    if (name in STARTERS) return STARTERS[name as keyof typeof STARTERS];
    throw new Error(`MAPREDUCE_EMULATORS is a list of localstack and ministack, or none; received "${name}"`);
  });
}
