/** What nobody shall overlook: tests that were not run because their emulator is not there. */
import type { ProvidedEmulator } from './with-emulator.ts';

const LINE = '!'.repeat(100);

export function notices(emulators: readonly ProvidedEmulator[] = []): string[] {
  return emulators.flatMap((emulator) => {
    if (!('unavailable' in emulator)) return [];
    const { name, unavailable, mustRun } = emulator;
    const verdict = mustRun ? 'FAILED' : 'SKIPPED, NOT PASSED';
    return [`\n${LINE}\nTESTS ON ${name.toUpperCase()} ARE ${verdict}: ${unavailable}\n${LINE}`];
  });
}
