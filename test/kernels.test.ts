import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildKernel, KERNELS } from '../scripts/build-kernels.ts';
import { KiB, LIMITS } from '../src/base/limits.ts';
import { FoldMemory } from '../src/map/fold-memory.ts';

const ROOT = join(import.meta.dirname, '..');

describe('the kernels', () => {
  it.each(KERNELS)('are what `npm run build:kernels` makes of $source', async (kernel) => {
    expect(readFileSync(join(ROOT, kernel.file), 'utf8')).toBe(await buildKernel(kernel));
  });

  it('have room for as many partitions and runs as a job may have', () => {
    // ENDS, and RUNS up to TREE, in kernels/sort.ts.
    expect(4 * LIMITS.reducersMax).toBeLessThanOrEqual(64 * KiB);
    expect(1 * KiB + 32 * LIMITS.openRunsMax).toBeLessThanOrEqual(32 * KiB);
    // TREE, and WINNERS up to the merged block.
    expect(2 * 4 * LIMITS.openRunsMax).toBeLessThanOrEqual(16 * KiB);
  });

  it('run in this process', () => {
    expect(new FoldMemory().kernel).toBeDefined();
  });
});
