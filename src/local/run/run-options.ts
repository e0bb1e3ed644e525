import type { ParameterValues } from '../../api/job.ts';
import type { InputNames } from '../../plan/inputs/named-inputs.ts';
import type { JobEvent } from '../../report/report.ts';

/** The options of an embedded run. Sizes are in bytes, times in milliseconds. */
export interface EmbeddedRunOptions {
  /** URL of the module whose default export is the job. */
  readonly jobModule: URL;
  /**
   * Files, folders and globs of the local file system; none for generated input. For a job with named inputs an object of
   * lists, or a list of `name=path`.
   */
  readonly inputs: InputNames;
  /** Folder for the parts. Created if it is missing. */
  readonly output: string;
  /**
   * The number of worker threads. Default: one per core, fewer if memory is short. 'sequential' is one worker, which runs
   * the tasks in order.
   */
  readonly workers?: number | 'sequential';
  /** Default: the job's own `reducers`, otherwise a number that fits the size of the input. */
  readonly reducers?: number;
  /**
   * Default: a size that fits the input: 64 MiB up to 4 GiB of input, less if it is too small to keep several workers busy, and
   * 1 GiB for a terabyte.
   */
  readonly splitSizeBytes?: number;
  /** Budget of one worker. Default: LIMITS.memoryBytesDefault, or less if the machine or container has too little memory. */
  readonly memoryBytes?: number;
  /** Folder for spills. Created if it is missing. Default: a hidden folder in the output folder. */
  readonly scratch?: string;
  /** Raw values as given with `--set`. They are checked against the parameters that the job declares. */
  readonly params?: Readonly<Record<string, string>> | ParameterValues;
  readonly merge?: boolean;
  /** Replace results that the output folder already holds. */
  readonly overwrite?: boolean;
  readonly attemptsMax?: number;
  readonly stallTimeoutMs?: number;
  /** Backup attempts for stragglers. Default true. */
  readonly backupAttempts?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: JobEvent) => void;
}
