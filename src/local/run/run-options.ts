import type { ParameterValues } from '../../api/job.ts';
import type { JobEvent } from '../../report/report.ts';

/** What the embedded run is asked to do. Sizes in bytes, times in milliseconds. */
export interface EmbeddedRunOptions {
  /** URL of the module whose default export is the job; workers load it too. */
  readonly jobModule: URL;
  /** Files, folders and globs of the local file system. */
  readonly inputs: readonly string[];
  /** Folder for the parts. Made if it is not there. */
  readonly output: string;
  /** How many worker threads, by default one per core, fewer where memory is short. 'sequential' is one, which runs the tasks in their order. */
  readonly workers?: number | 'sequential';
  /** Default: the job's own `reducers`, or by the size of the input. */
  readonly reducers?: number;
  /** Default: 64 MiB, less where the input is too small to keep several workers busy. */
  readonly splitSizeBytes?: number;
  /** Budget of one worker. Default: LIMITS.memoryBytesDefault, less where the machine or container has too little. */
  readonly memoryBytes?: number;
  /** Folder for what attempts spill; made if it is not there. Default: a hidden one in the output folder. */
  readonly scratch?: string;
  /** Raw values, as given by `--set`; checked against the job's specs. */
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
