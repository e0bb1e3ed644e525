/** The flags of `mapreduce run` as the options of an embedded run, each checked. */
import { stat } from 'node:fs/promises';
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { resolveOutputRoot } from '../../local/output/output-root.ts';
import type { EmbeddedRunOptions } from '../../local/run/run-options.ts';
import { mayNameInput } from '../../plan/inputs/named-inputs.ts';
import { findJob } from './find-job.ts';
import { parseAssignment, parseDurationMs, parseSizeBytes, parseWholeNumber } from './flag-values.ts';
import { assertLocalPath } from './local-path.ts';

/** As commander returns them: values are still unparsed text. */
export interface RunFlags {
  readonly input?: readonly string[];
  readonly output?: string;
  readonly workers?: string;
  readonly sequential?: boolean;
  readonly reducers?: string;
  readonly splitSize?: string;
  readonly memory?: string;
  readonly scratch?: string;
  readonly merge?: boolean;
  readonly overwrite?: boolean;
  readonly set?: readonly string[];
  readonly attempts?: string;
  readonly stallTimeout?: string;
  /** False after --no-backup. */
  readonly backup: boolean;
  /** File for the report as HTML. */
  readonly report?: string;
  readonly slowest?: boolean;
  /** File for the list of attempts, also if the job fails. */
  readonly facts?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const ATTEMPTS_MAX = 100;
const STALL_TIMEOUT_MS_MAX = 24 * 3_600_000;

/**
 * @param job  as the user typed it
 * @throws UsageError, naming the flag.
 */
export async function embeddedOptions(job: string | undefined, flags: RunFlags): Promise<EmbeddedRunOptions> {
  const { jobName, input, output } = assertComplete(job, flags);
  for (const path of input) {
    assertLocalPath('--input', path);
    if (mayNameInput(path)) assertLocalPath('--input', path.slice(path.indexOf('=') + 1));
  }
  assertLocalPath('--output', output);
  if (flags.report !== undefined) assertLocalPath('--report', flags.report);
  if (flags.facts !== undefined) assertLocalPath('--facts', flags.facts);
  const { workers, reducers, splitSize, memory, attempts, stallTimeout } = flags;
  const numbers = {
    workers: flags.sequential
      ? ('sequential' as const)
      : given(workers, (text) => parseWholeNumber('--workers', text, { min: 1, max: LIMITS.workersMax })),
    reducers: given(reducers, (text) =>
      parseWholeNumber('--reducers', text, { min: 1, max: LIMITS.reducersMax }),
    ),
    splitSizeBytes: given(splitSize, (text) =>
      parseSizeBytes('--split-size', text, { min: LIMITS.splitSizeBytesMin, max: LIMITS.splitSizeBytesMax }),
    ),
    memoryBytes: given(memory, (text) =>
      parseSizeBytes('--memory', text, { min: LIMITS.memoryBytesMin, max: LIMITS.memoryBytesMax }),
    ),
    attemptsMax: given(attempts, (text) =>
      parseWholeNumber('--attempts', text, { min: 1, max: ATTEMPTS_MAX }),
    ),
    stallTimeoutMs: given(stallTimeout, (text) =>
      parseDurationMs('--stall-timeout', text, { min: 1, max: STALL_TIMEOUT_MS_MAX }),
    ),
  };
  const params = Object.fromEntries((flags.set ?? []).map((text) => parseAssignment('--set', text)));
  const jobModule = findJob(jobName);
  // Checked before the job is loaded.
  await resolveOutputRoot(output);
  if (flags.scratch !== undefined) await assertScratch(flags.scratch);
  await assertFilesMayBeWritten(flags, output);
  return {
    jobModule,
    inputs: input,
    output,
    ...withoutUndefined(numbers),
    params,
    ...(flags.scratch === undefined ? {} : { scratch: flags.scratch }),
    merge: flags.merge ?? false,
    overwrite: flags.overwrite ?? false,
    backupAttempts: flags.backup,
  };
}

/** Checked here because commander would report --input as missing if the user typed --imput. */
function assertComplete(job: string | undefined, { input, output }: RunFlags) {
  if (job === undefined) {
    throw new MapReduceError(
      'UsageError',
      'no job was given. Put it first, because --input and --set take every argument that follows: mapreduce run <job> --input <path>... --output <folder>',
    );
  }
  if (output === undefined) {
    const missing = [...(input === undefined ? ['--input <file, folder or glob>'] : []), '--output <folder>'];
    throw new MapReduceError('UsageError', `mapreduce run needs ${missing.join(' and ')}`);
  }
  // A job may generate its input, which shows once it is loaded.
  return { jobName: job, input: input ?? [], output };
}

async function assertScratch(folder: string): Promise<void> {
  if (folder === '') throw new MapReduceError('UsageError', '--scratch is empty. Name a folder, new or not');
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined || found.isDirectory()) return;
  throw new MapReduceError(
    'UsageError',
    `--scratch '${folder}' is a file; tasks spill into a folder. Name one, new or not`,
  );
}

async function assertFilesMayBeWritten({ report, facts }: RunFlags, output: string): Promise<void> {
  if (report === undefined && facts === undefined) return;
  const { assertMayBeWritten } = await import('./written-file.ts');
  if (report !== undefined)
    await assertMayBeWritten({ flag: '--report', file: report, kind: 'page' }, output);
  if (facts !== undefined)
    await assertMayBeWritten({ flag: '--facts', file: facts, kind: 'list of attempts' }, output);
}

function given<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text);
}

/** The cast: Object.fromEntries() forgets the names. */
function withoutUndefined<T extends object>(values: T): { [N in keyof T]?: Exclude<T[N], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [N in keyof T]?: Exclude<T[N], undefined>;
  };
}
