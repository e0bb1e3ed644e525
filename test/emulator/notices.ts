/** Reports, so that nobody overlooks it, which tests did not run because their emulator is missing, and what to do. */
import type { ProvidedEmulator } from './with-emulator.ts';

const LINE = '!'.repeat(100);
const ADVICE =
  'LocalStack also runs in Docker, if Docker is running. To test without emulators: MAPREDUCE_EMULATORS=none npm test';

export function notices(emulators: readonly ProvidedEmulator[] = []): string[] {
  return emulators.flatMap((emulator) => {
    if (!('unavailable' in emulator)) return [];
    const { name, unavailable, mustRun } = emulator;
    const verdict = mustRun ? 'COULD NOT RUN, SO THEY FAIL' : 'ARE SKIPPED, NOT PASSED';
    return [`\n${LINE}\nTESTS ON ${name.toUpperCase()} ${verdict}\n\n${unavailable}\n${ADVICE}\n${LINE}`];
  });
}
