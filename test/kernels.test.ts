import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildKernel, KERNELS } from '../scripts/build-kernels.ts';
import { FoldMemory } from '../src/map/fold-memory.ts';

const ROOT = join(import.meta.dirname, '..');

describe('the kernels', () => {
  it.each(KERNELS)('are what `npm run build:kernels` makes of $source', async (kernel) => {
    expect(readFileSync(join(ROOT, kernel.file), 'utf8')).toBe(await buildKernel(kernel));
  });

  it('run in this process', () => {
    expect(new FoldMemory().kernel).toBeDefined();
  });
});
