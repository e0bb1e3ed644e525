/** What a worker needs to know about the planned job. Plain data, sent to each worker once. */
import type { JobLayout, JobSettings } from '../../plan/task.ts';

export interface LocalJob {
  readonly settings: JobSettings;
  readonly layout: JobLayout;
  /** The root folder of the job's store. */
  readonly storeRoot: string;
}

/** The data that a worker thread receives when it starts, before the job is planned. */
export interface LocalWorkerData {
  /** URL of the job module. */
  readonly jobModule: string;
  /** The memory for the buffers of an attempt. */
  readonly memoryBytes: number;
}
