/**
 * For tests that need AWS: each runs once on every emulator of the run. global-setup.ts starts them once and all test
 * files share them, so a test names its buckets, functions and state machines by `uniqueName`.
 *
 * MAPREDUCE_EMULATORS chooses: "localstack" (the default), "ministack", "localstack,ministack", or "none".
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
      /** Empty at the start of a run, and gone at its end: for what its test files have to agree on. */
      folderOfRun: string;
    }
  /** Why it is not there; and whether that is a failure, as in CI, or its tests are skipped. */
  | { name: EmulatorName; unavailable: string; mustRun: boolean };

declare module 'vitest' {
  interface ProvidedContext {
    emulators: ProvidedEmulator[];
  }
}

export interface EmulatorUnderTest {
  name: EmulatorName;
  endpoint: string;
  /** For processes that a test starts, such as cdk or the command line. */
  environment: Record<string, string>;
  logFile: string;
  folderOfRun: string;
  /** For the constructors of SDK clients. */
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

/** Lower case, fit for a bucket, and different in every run: a test never sees what another left. */
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

/** NODE_EXTRA_CA_CERTS is read when Node starts, which for this process is over. */
function trust(certificateFile: string | undefined): void {
  if (certificateFile === undefined) return;
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), readFileSync(certificateFile, 'utf8')]);
}
