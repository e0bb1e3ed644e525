/** What the construct may be told, checked before anything is made of it. */
import { Duration, type RemovalPolicy, Size, Token } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { TASKS_PER_STAGE_MAX } from '../../src/aws/protocol/job-state.ts';
import { DATA_PREFIX, INPUT_PREFIX, OUTPUT_PREFIX } from '../../src/aws/protocol/keys.ts';
import { INTERNAL_PREFIXES } from '../../src/aws/protocol/request-scope.ts';
import { LIMITS } from '../../src/base/limits.ts';

export interface MapReduceProps {
  /** Path of the module that exports the apps by name, such as 'apps/index.ts'. */
  readonly jobs: string;
  /**
   * Default: a bucket of its own. A bucket that is brought must send its events to EventBridge, and should expire
   * `work/` and unfinished multipart uploads.
   */
  readonly bucket?: IBucket;
  /**
   * For the bucket and the logs; of a bucket that is brought, the one that it has. Default: keys of S3 and CloudWatch.
   *
   * A key of this app gets what it takes into its policy. The policy of an imported one (`Key.fromKeyArn`) CDK cannot
   * change: let it allow `logs.<region>.amazonaws.com` to kms:Encrypt*, kms:Decrypt*, kms:ReEncrypt*,
   * kms:GenerateDataKey* and kms:Describe*, lest no log group can be made, and this account's IAM policies to allow the
   * use of the key.
   */
  readonly encryptionKey?: IKey;
  /** Memory of map and reduce functions; CPU grows with it, one core at 1,769 MB. Default 1,769. */
  readonly taskMemoryMb?: number;
  /** Default: 15 minutes, or 5 with EXPRESS children. */
  readonly taskTimeout?: Duration;
  /** /tmp of map and reduce functions, for spills. Default 2 GiB. */
  readonly scratchSize?: Size;
  /** Memory of the functions that plan, count and commit. Default 1,024. */
  readonly stepMemoryMb?: number;
  /** Map or reduce tasks at once. Keep it below the account's Lambda concurrency. Default 800. */
  readonly maxConcurrency?: number;
  /**
   * Map tasks, and reduce tasks, that one job may have: a request for more is refused before any task runs, so that a
   * mistyped split size cannot start a flood of functions. Default 10,000, at most 80,000.
   */
  readonly maxTasksPerStage?: number;
  /** Stragglers are given to another worker as well, and whoever commits first has done it. Default true. */
  readonly backupAttempts?: boolean;
  /** EXPRESS children are cheaper for tasks of seconds, and end after 5 minutes. Default STANDARD. */
  readonly childExecutions?: 'STANDARD' | 'EXPRESS';
  /**
   * Prefixes that jobs may read, at least one. Default: input/, data/, and output/, so that a job can read another's
   * results. No job reads jobs/, work/ and requests/, whatever this says.
   */
  readonly readablePrefixes?: readonly string[];
  /** Whether uploads below input/<app>/ start jobs; requests always do. Default true. */
  readonly startOnUpload?: boolean;
  /** Shuffle objects and the like of jobs that did not end well. Default 7 days. */
  readonly intermediatesExpireAfter?: Duration;
  /** Requests, plans and failures; until then a duplicate event is known as one. Default 90 days. */
  readonly jobsExpireAfter?: Duration;
  /** Default one month. */
  readonly logRetention?: RetentionDays;
  /** Of the bucket and the logs. Default RETAIN_ON_UPDATE_OR_DELETE, so that a first deployment that fails leaves none behind. */
  readonly removalPolicy?: RemovalPolicy;
  /** Is told when a job fails, an event could not start one, or Lambda has had no room for tasks in half an hour. */
  readonly alarmTopic?: ITopic;
}

export interface CheckedProps {
  readonly taskMemoryMb: number;
  readonly stepMemoryMb: number;
  readonly taskTimeout: Duration;
  readonly scratchSize: Size;
  readonly maxConcurrency: number;
  readonly maxTasksPerStage: number;
  readonly backupAttempts: boolean;
  readonly childExecutions: 'STANDARD' | 'EXPRESS';
  readonly readablePrefixes: readonly string[];
  readonly startOnUpload: boolean;
  readonly intermediatesExpireAfter: Duration;
  readonly jobsExpireAfter: Duration;
  readonly logRetention: RetentionDays;
}

/** @throws Error that names the prop, the value and the choices */
export function checkProps(props: MapReduceProps): CheckedProps {
  const {
    taskMemoryMb = 1_769,
    stepMemoryMb = 1_024,
    scratchSize = Size.gibibytes(2),
    maxConcurrency = 800,
    maxTasksPerStage = LIMITS.awsTasksPerStageDefault,
    backupAttempts = true,
    childExecutions = 'STANDARD',
    readablePrefixes = [INPUT_PREFIX, DATA_PREFIX, OUTPUT_PREFIX],
    startOnUpload = true,
    intermediatesExpireAfter = Duration.days(7),
    jobsExpireAfter = Duration.days(90),
    logRetention = RetentionDays.ONE_MONTH,
  } = props;
  if (typeof props.jobs !== 'string' || props.jobs === '') {
    throw new Error(
      `jobs is the path of the module that exports the apps, such as 'apps/index.ts'; received ${JSON.stringify(props.jobs)}`,
    );
  }
  checkKnown('jobs', props.jobs);
  checkKnown('childExecutions', childExecutions);
  if (childExecutions !== 'STANDARD' && childExecutions !== 'EXPRESS') {
    throw new Error(
      `childExecutions is 'STANDARD' or 'EXPRESS'; received ${JSON.stringify(childExecutions)}`,
    );
  }
  const taskSecondsMax = childExecutions === 'EXPRESS' ? 240 : 900;
  const taskTimeout = props.taskTimeout ?? Duration.seconds(taskSecondsMax);
  checkWhole('taskMemoryMb', taskMemoryMb, 512, 10_240, 'MB');
  checkWhole('stepMemoryMb', stepMemoryMb, 512, 10_240, 'MB');
  checkWhole('maxConcurrency', maxConcurrency, 1, 10_000, 'tasks');
  checkWhole('maxTasksPerStage', maxTasksPerStage, 1, TASKS_PER_STAGE_MAX, 'tasks');
  checkWhole('scratchSize', scratchSize.toMebibytes(), 512, 10_240, 'MiB');
  checkWhole(
    `taskTimeout (with ${childExecutions} children)`,
    taskTimeout.toSeconds(),
    30,
    taskSecondsMax,
    'seconds',
  );
  checkWhole('intermediatesExpireAfter', intermediatesExpireAfter.toDays(), 1, 365, 'days');
  checkWhole('jobsExpireAfter', jobsExpireAfter.toDays(), intermediatesExpireAfter.toDays(), 3_650, 'days');
  checkKnown('logRetention', logRetention);
  if (!RETENTIONS.includes(logRetention)) {
    throw new Error(`logRetention is one of ${RETENTIONS.join(', ')} days; received ${logRetention}`);
  }
  checkKnown('readablePrefixes', readablePrefixes);
  if (!Array.isArray(readablePrefixes) || readablePrefixes.length === 0) {
    throw new Error(
      `readablePrefixes has at least one prefix, such as 'input/': without one no job could read its input; received ${JSON.stringify(readablePrefixes)}`,
    );
  }
  for (const prefix of readablePrefixes) {
    checkKnown('readablePrefixes', prefix);
    if (typeof prefix !== 'string' || prefix.startsWith('/') || (prefix !== '' && !prefix.endsWith('/'))) {
      throw new Error(
        `readablePrefixes are prefixes such as 'input/' that end in '/' ('' for the whole bucket); received ${JSON.stringify(prefix)}`,
      );
    }
    const internal = INTERNAL_PREFIXES.find((kept) => prefix.startsWith(kept));
    if (internal !== undefined) {
      throw new Error(
        `readablePrefixes has ${JSON.stringify(prefix)}, but what lies below '${internal}' is for the steps of jobs and no job reads it. Keep inputs elsewhere, such as below '${DATA_PREFIX}'`,
      );
    }
  }
  return {
    taskMemoryMb,
    stepMemoryMb,
    taskTimeout,
    scratchSize,
    maxConcurrency,
    maxTasksPerStage,
    backupAttempts,
    childExecutions,
    readablePrefixes,
    startOnUpload,
    intermediatesExpireAfter,
    jobsExpireAfter,
    logRetention,
  };
}

const RETENTIONS = Object.values(RetentionDays).filter((days) => typeof days === 'number');

function checkWhole(prop: string, value: number, min: number, max: number, unit: string): void {
  checkKnown(prop, value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new Error(`${prop} is a whole number from ${min} to ${max} ${unit}; received ${value}`);
  }
}

/** What the template is made of is known when it is made; what a person types as it is deployed is not. */
function checkKnown(prop: string, value: unknown): void {
  if (!Token.isUnresolved(value)) return;
  throw new Error(
    `${prop} is a value that is known at synthesis; received a token, such as the value of a CfnParameter. Take it from the context of cdk, or from a variable of the environment`,
  );
}
