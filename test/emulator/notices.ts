/** What nobody shall overlook: tests that were not run because their emulator is not there, and what to do about it. */
import type { ProvidedEmulator } from './with-emulator.ts';

const LINE = '!'.repeat(100);
const ADVICE =
  'LocalStack runs in Docker as well, where an engine answers. To test without emulators: MAPREDUCE_EMULATORS=none npm test';

export function notices(emulators: readonly ProvidedEmulator[] = []): string[] {
  return emulators.flatMap((emulator) => {
    if (!('unavailable' in emulator)) return [];
    const { name, unavailable, mustRun } = emulator;
    const verdict = mustRun ? 'COULD NOT RUN, WHICH IS A FAILURE' : 'ARE SKIPPED, NOT PASSED';
    return [`\n${LINE}\nTESTS ON ${name.toUpperCase()} ${verdict}\n\n${unavailable}\n${ADVICE}\n${LINE}`];
  });
}
