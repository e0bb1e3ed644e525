/** Runs a job with the embedded runner. The other runs of the same job and input are compared with its result. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runEmbedded } from '../../../src/local/run/embedded-run.ts';
import type { JobReport } from '../../../src/report/report.ts';

const ROOT = join(import.meta.dirname, '../../..');

export interface EmbeddedOptions {
  readonly reducers?: number;
  readonly splitSizeBytes?: number;
  readonly merge?: boolean;
  readonly params?: Readonly<Record<string, string>>;
}

/** Returns the bytes of every part by name, and the report. `jobModule` is relative to the project. */
export async function embedded(
  jobModule: string,
  inputs: readonly string[],
  options: EmbeddedOptions = {},
): Promise<{ parts: Map<string, Buffer>; report: JobReport }> {
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
    return { parts, report };
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}
