/**
 * Runs each test that needs AWS once on every emulator of the run. global-setup.ts starts the emulators once, and all
 * test files share them, so a test names its buckets, functions and state machines with `uniqueName`.
 *
 * MAPREDUCE_EMULATORS chooses the emulators: "localstack" (the default), "ministack", "localstack,ministack", or
 * "none".
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import { describe, expect, inject, test } from 'vitest';

import type { EmulatorName } from '../../emulators/start.ts';

export type ProvidedEmulator =
  | {
      name: EmulatorName;
      endpoint: string;
      environment: Record<string, string>;
      logFile: string;
      /** Empty at the start of a run and removed at its end. Test files use it to coordinate. */
      folderOfRun: string;
    }
  /** The reason why the emulator is missing, and whether its tests fail, as in CI, or are skipped. */
  | { name: EmulatorName; unavailable: string; mustRun: boolean };

declare module 'vitest' {
  interface ProvidedContext {
    emulators: ProvidedEmulator[];
  }
}

export interface EmulatorUnderTest {
  name: EmulatorName;
  endpoint: string;
  /** Environment variables for processes that a test starts, such as cdk or the command line. */
  environment: Record<string, string>;
  logFile: string;
  folderOfRun: string;
  /** Options for the constructors of SDK clients. */
  clientConfig: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  accountId: string;
}

export function describeOnEmulators(title: string, tests: (emulator: EmulatorUnderTest) => void): void {
  const provided = inject('emulators');
  if (provided.length === 0) test.skip(`${title} (MAPREDUCE_EMULATORS=none)`);
  for (const emulator of provided) {
    if (!('unavailable' in emulator)) {
      trust(emulator.environment.NODE_EXTRA_CA_CERTS);
      describe(`${title} on ${emulator.name}`, () => tests(underTest(emulator)));
    } else if (emulator.mustRun) {
      test(`${title} on ${emulator.name}`, () => expect.fail(emulator.unavailable));
    } else {
      test.skip(`${title} on ${emulator.name} (NOT AVAILABLE: ${emulator.unavailable.split('\n')[0]})`);
    }
  }
}

/** Returns a lower-case name that is valid for a bucket and different in every run, so a test never sees leftovers. */
export function uniqueName(what: string): string {
  return `${what}-${randomBytes(5).toString('hex')}`;
}

export function underTest(emulator: Exclude<ProvidedEmulator, { unavailable: string }>): EmulatorUnderTest {
  const { environment, endpoint } = emulator;
  return {
    ...emulator,
    clientConfig: {
      endpoint,
      region: environment.AWS_REGION!,
      credentials: {
        accessKeyId: environment.AWS_ACCESS_KEY_ID!,
        secretAccessKey: environment.AWS_SECRET_ACCESS_KEY!,
      },
    },
    accountId: '000000000000',
  };
}

/** Node reads NODE_EXTRA_CA_CERTS only when it starts, which is too late for this process. */
function trust(certificateFile: string | undefined): void {
  if (certificateFile === undefined) return;
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), readFileSync(certificateFile, 'utf8')]);
}
