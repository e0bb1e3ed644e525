/** The settings of a deployment that nobody has changed. */
import { DATA_PREFIX, INPUT_PREFIX, OUTPUT_PREFIX } from '../../src/aws/protocol/keys.ts';
import { LIMITS } from '../../src/base/limits.ts';

export const DEPLOYMENT_DEFAULTS = {
  /** One vCPU. */
  taskMemoryMb: 1_769,
  stepMemoryMb: 1_024,
  /** The largest that Lambda offers, so that the default sizes of tasks fit. It adds 1.3 % to the price of the function. */
  scratchMb: 10_240,
  maxConcurrency: 800,
  maxTasksPerStage: LIMITS.awsTasksPerStageDefault,
  backupAttempts: true,
  childExecutions: 'STANDARD',
  readablePrefixes: [INPUT_PREFIX, DATA_PREFIX, OUTPUT_PREFIX],
  startOnUpload: true,
} as const;

/** Lambda's own limit, or enough below that of an EXPRESS child (5 minutes) that the function ends first. */
export const TASK_TIMEOUT_SECONDS = { STANDARD: 900, EXPRESS: 240 } as const;

/** Planning lists the inputs, a barrier reads one footer per task, commit may merge parts: each takes minutes at most. */
export const STEP_TIMEOUT_SECONDS = 900;

/** An event, such as the start of a backup attempt, that Lambda cannot start within the lowest limit would be too late. */
export const EVENT_AGE_SECONDS_MAX = 60;
