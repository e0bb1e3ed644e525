/**
 * Test files run at the same time and share an emulator. Of two `cdk bootstrap`s at once, one finds its change set gone:
 * whoever bootstraps, or deploys with a bootstrap on the way, does it under this lock.
 */
import { join } from 'node:path';
import { withFolderLock } from '../../../emulators/cache.ts';
import type { EmulatorUnderTest } from '../with-emulator.ts';

export function whileBootstrapping<T>(
  { folderOfRun, name }: EmulatorUnderTest,
  work: () => Promise<T>,
): Promise<T> {
  return withFolderLock(join(folderOfRun, `bootstrap-${name}`), work);
}
