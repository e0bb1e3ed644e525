/** What a job was expected to need before it ran: stored with its plan, and shown beside what it needed. Plain data. */
import type { Stage } from '../base/ids.ts';

/** The good case, what is likely, and the bad case. Equal if a figure is exact. */
export interface Spread {
  readonly low: number;
  readonly likely: number;
  readonly high: number;
}

/** Requests to S3 as it charges for them: PUT and LIST, GET and HEAD. */
export interface RequestCounts {
  readonly writes: Spread;
  readonly reads: Spread;
}

/** A command, an uploaded input, or an uploaded request. The last two wait for EventBridge. */
export type StartedBy = 'command' | 'upload' | 'request';

export interface StageEstimate {
  readonly stage: Stage;
  /** Exact. */
  readonly tasks: number;
  /** From the start of the stage until its barrier has closed it. */
  readonly seconds: Spread;
  readonly taskSeconds: Spread;
  readonly gbSeconds: Spread;
}

export interface DollarsEstimate {
  readonly functions: Spread;
  readonly coordination: Spread;
  readonly storage: Spread;
  readonly total: Spread;
}

/** How close the job comes to a limit. */
export interface LimitUse {
  readonly limit: string;
  /** What the job needs, and what is allowed, in the limit's own unit. */
  readonly needed: number;
  readonly allowed: number;
  readonly unit: string;
  /** What happens beyond it. */
  readonly beyond: string;
}

export interface JobEstimate {
  readonly stages: readonly StageEstimate[];
  readonly seconds: Spread;
  readonly gbSeconds: Spread;
  readonly transitions: Spread;
  /** Without those that depend on how long the job takes, such as looking for a cancellation. */
  readonly requests: RequestCounts;
  readonly requestsByTime: RequestCounts;
  /** If S3 answered at once; above S3's rate, the job takes longer. */
  readonly peakReadsPerSecond: Spread;
  readonly dollars: DollarsEstimate;
  /** The one that is reached first, as the input grows. */
  readonly firstLimit: LimitUse;
  readonly region: string;
  /** What is assumed about the job, in words: its shuffle is unknown until it runs. Empty once it is known. */
  readonly assumptions: readonly string[];
}

/** What a job needed, as far as it knows itself. */
export interface ActualUse {
  /** Until the report was written. */
  readonly seconds: number;
  /** Of the attempts that left a record, and their environments' starts. */
  readonly gbSeconds: number;
  /** All requests: those of attempts as counted, those of the steps by docs/s3-requests.md. */
  readonly writes: number;
  readonly reads: number;
}

/** The estimate of a job beside what it needed. */
export interface EstimateReport {
  readonly planned: JobEstimate;
  /** Once the shuffle was known. Absent for a map-only job. */
  readonly afterMap?: JobEstimate;
  readonly actual: ActualUse;
}
