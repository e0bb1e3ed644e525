import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runEmbedded } from '../../src/local/embedded-run.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** The bytes of every part, by name, that the embedded run makes of this input. */
export async function embeddedParts(
  jobModule: string,
  inputs: readonly string[],
  options: { reducers?: number; splitSizeBytes?: number; merge?: boolean } = {},
): Promise<Map<string, Buffer>> {
  const output = await mkdtemp(join(tmpdir(), 'mapreduce-embedded-'));
  try {
    const report = await runEmbedded({
      jobModule: pathToFileURL(join(ROOT, jobModule)),
      inputs,
      output,
      workers: 'sequential',
      ...options,
    });
    const parts = new Map<string, Buffer>();
    for (const { name } of report.parts) parts.set(name, await readFile(join(output, name)));
    return parts;
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}
