import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { type AppName, apps } from '../../apps/index.ts';
import { type CorpusName, prepareCorpus } from '../../bench/corpora.ts';
import { runEmbedded } from '../../src/local/run/embedded-run.ts';
import type { EmbeddedRunOptions } from '../../src/local/run/run-options.ts';
import type { JobReport } from '../../src/report/report.ts';

export interface AppRun {
  readonly report: JobReport;
  /** All parts, one after another. */
  readonly bytes: Buffer;
  readonly text: string;
  /** The folder with the parts. */
  readonly output: string;
}

type AppRunOptions = Partial<EmbeddedRunOptions> & Pick<EmbeddedRunOptions, 'inputs'>;

/** Runs an app with worker threads, as users do. */
export async function runApp(name: AppName, options: AppRunOptions): Promise<AppRun> {
  const output = join(testFolder(), `output-${name}`);
  const report = await runEmbedded({
    jobModule: apps[name].url,
    output,
    overwrite: true,
    workers: 2,
    ...options,
  });
  const bytes = Buffer.concat(report.parts.map((part) => readFileSync(join(output, part.name))));
  return { report, bytes, text: bytes.toString(), output };
}

/** Returns the path of a file or folder in apps/<name>/. */
export function appFile(name: AppName, file: string): string {
  return fileURLToPath(new URL(file, apps[name].url));
}

/** Writes an input and returns its path. */
export function inputFile(name: string, content: string | Uint8Array): string {
  const path = join(testFolder(), 'input', name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** Writes a smaller version of a benchmark input and returns its path. */
export function corpusFile(name: CorpusName, sizeBytes: number): string {
  return prepareCorpus({ name, sizeBytes, folder: join(testFolder(), 'corpora') }).path;
}

/** Splits a text into lines, without an empty line after the last newline. */
export function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** Sorts lines like `LC_ALL=C sort`. */
export function sortedLines(text: string): string[] {
  return linesOf(text)
    .map((line) => Buffer.from(line))
    .sort(Buffer.compare)
    .map(String);
}

let folder: string | undefined;

/** One for each test file, gone when it ends. */
function testFolder(): string {
  folder ??= mkdtempSync(join(tmpdir(), 'apps-test-'));
  return folder;
}

afterAll(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});
