/** What a worker has to know of the job once it is planned; plain data, sent to each worker once. */
import type { JobLayout, JobSettings } from '../../plan/task.ts';

export interface LocalJob {
  readonly settings: JobSettings;
  readonly layout: JobLayout;
  /** Folder that the job's store is rooted at. */
  readonly storeRoot: string;
}

/** What a worker thread is started with, before the job is planned. */
export interface LocalWorkerData {
  /** URL of the job's module. */
  readonly jobModule: string;
  /** For the buffers of an attempt. */
  readonly memoryBytes: number;
}
