/** The settings of the construct, and their checks, which run before any resource is made. */
import { Duration, type RemovalPolicy, Size, Token } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { CONCURRENCY_MAX } from '../../src/aws/protocol/concurrency.ts';
import { TASKS_PER_STAGE_MAX } from '../../src/aws/protocol/job-state.ts';
import { DATA_PREFIX } from '../../src/aws/protocol/keys.ts';
import { INTERNAL_PREFIXES } from '../../src/aws/protocol/request-scope.ts';
import { DEPLOYMENT_DEFAULTS, TASK_TIMEOUT_SECONDS } from '../functions/deployment-defaults.ts';
import type { ExecutionType } from '../machine/asl.ts';

/**
 * The constructor throws an Error for a value that is out of bounds: it names the prop, what it received and what is
 * allowed. All values but the resources (`bucket`, `encryptionKey`, `alarmTopic`) must be known at synthesis; tokens,
 * such as the value of a CfnParameter, are refused.
 */
export interface MapReduceProps {
  /**
   * Path of the module that exports the apps by name, such as 'apps/index.ts'. It must load, and export at least one
   * app.
   */
  readonly jobs: string;
  /**
   * An existing bucket to use. It must send its events to EventBridge, and should expire `work/` and unfinished
   * multipart uploads. Default: a new bucket that does all this.
   */
  readonly bucket?: IBucket;
  /**
   * Encrypts the bucket and the logs. With `bucket`, give the key that the bucket uses. Default: the keys that S3 and
   * CloudWatch manage.
   *
   * A key of the same app gets the permissions that it needs in its policy. CDK cannot change the policy of an imported
   * key (`Key.fromKeyArn`). That policy must allow `logs.<region>.amazonaws.com` to use kms:Encrypt*, kms:Decrypt*,
   * kms:ReEncrypt*, kms:GenerateDataKey* and kms:Describe*, otherwise creating the log groups fails; and it must let
   * the IAM policies of this account allow the use of the key.
   */
  readonly encryptionKey?: IKey;
  /**
   * Memory of the map and reduce functions, in MB: 512 to 10,240. CPU grows with it: one core at 1,769 MB. Default
   * 1,769.
   */
  readonly taskMemoryMb?: number;
  /**
   * Time limit of one attempt of a task: 30 seconds to 15 minutes, or to 4 minutes with EXPRESS children. Default: the
   * longest allowed.
   */
  readonly taskTimeout?: Duration;
  /**
   * Size of /tmp in the map and reduce functions, for spills: 512 MiB to 10 GiB. Default 10 GiB, which adds 1.3 % to the price of
   * a function of 1,769 MB.
   */
  readonly scratchSize?: Size;
  /** Memory of the other functions, which plan, verify and record failures, in MB: 512 to 10,240. Default 1,024. */
  readonly stepMemoryMb?: number;
  /**
   * How many map or reduce tasks of one job run at the same time: 1 to 10,000. Keep it below the Lambda concurrency of
   * the account. Default 800.
   */
  readonly maxConcurrency?: number;
  /**
   * How many map functions, and how many reduce functions, run at the same time for all jobs together: from
   * `maxConcurrency` to 10,000. Lambda reserves both numbers from the concurrency of the account, of which 100 must
   * remain; it neither gives them to other functions nor exceeds them, so that jobs cannot starve the account. Tasks
   * beyond them wait. Default: no reservation.
   */
  readonly reservedConcurrency?: number;
  /**
   * How many map tasks, and how many reduce tasks, one job may have: 1 to 80,000. A request for more is refused before
   * any task runs, so that a mistyped split size cannot start a flood of functions. Default 10,000.
   */
  readonly maxTasksPerStage?: number;
  /**
   * Whether a straggler gets a second attempt on another worker; the attempt that commits first counts. Default true.
   */
  readonly backupAttempts?: boolean;
  /**
   * The type of the child executions that run the tasks. EXPRESS costs less for tasks that take seconds; Step Functions
   * ends such a child after 5 minutes. Stages of up to 40 tasks run in the execution of the job. Default STANDARD.
   */
  readonly childExecutions?: ExecutionType;
  /**
   * Prefixes that jobs may read, at least one; each ends in '/', and '' is the whole bucket. No job can read jobs/,
   * work/ and requests/, whatever is given here. Default: input/, data/ and output/, so that a job can read another's
   * results.
   */
  readonly readablePrefixes?: readonly string[];
  /** Whether an upload below input/<app>/ starts a job. Requests always do. Default true. */
  readonly startOnUpload?: boolean;
  /** When the intermediate objects of jobs that did not succeed expire: 1 to 365 days. Default 7 days. */
  readonly intermediatesExpireAfter?: Duration;
  /**
   * When requests, plans and failures expire, in days: at least `intermediatesExpireAfter`, at most 3,650. Until then a
   * duplicate of an event is recognised. Default 90 days.
   */
  readonly jobsExpireAfter?: Duration;
  /** How long CloudWatch keeps the logs. Default one month. */
  readonly logRetention?: RetentionDays;
  /**
   * What happens to the bucket and the logs when the stack is deleted. Default RETAIN_ON_UPDATE_OR_DELETE, which keeps
   * them unless the first deployment fails.
   */
  readonly removalPolicy?: RemovalPolicy;
  /**
   * Receives the alarms: a job failed, an event could not start its job, or Lambda throttled tasks for more than 30
   * minutes. Default: alarms without an action.
   */
  readonly alarmTopic?: ITopic;
}

/** The settings that are plain values, with their defaults. */
export type CheckedProps = Required<
  Omit<MapReduceProps, 'bucket' | 'encryptionKey' | 'removalPolicy' | 'alarmTopic' | 'reservedConcurrency'>
> & { readonly reservedConcurrency: number | undefined };

/** @throws Error that names the prop, what it received and what is allowed */
export function checkProps(props: MapReduceProps): CheckedProps {
  const settings = withDefaults(props);
  for (const { prop, label = () => prop, measure = () => settings[prop], problem } of RULES) {
    const [name, value] = [label(settings), measure(settings)];
    assertKnown(name, value);
    const found = problem(value, settings);
    if (found !== undefined) throw new Error(`${name} ${found}`);
  }
  return settings;
}

function withDefaults(props: MapReduceProps): CheckedProps {
  const childExecutions = props.childExecutions ?? DEPLOYMENT_DEFAULTS.childExecutions;
  return {
    jobs: props.jobs,
    taskMemoryMb: props.taskMemoryMb ?? DEPLOYMENT_DEFAULTS.taskMemoryMb,
    stepMemoryMb: props.stepMemoryMb ?? DEPLOYMENT_DEFAULTS.stepMemoryMb,
    taskTimeout: props.taskTimeout ?? Duration.seconds(taskSecondsMax({ childExecutions })),
    scratchSize: props.scratchSize ?? Size.mebibytes(DEPLOYMENT_DEFAULTS.scratchMb),
    maxConcurrency: props.maxConcurrency ?? DEPLOYMENT_DEFAULTS.maxConcurrency,
    reservedConcurrency: props.reservedConcurrency,
    maxTasksPerStage: props.maxTasksPerStage ?? DEPLOYMENT_DEFAULTS.maxTasksPerStage,
    backupAttempts: props.backupAttempts ?? DEPLOYMENT_DEFAULTS.backupAttempts,
    childExecutions,
    readablePrefixes: props.readablePrefixes ?? DEPLOYMENT_DEFAULTS.readablePrefixes,
    startOnUpload: props.startOnUpload ?? DEPLOYMENT_DEFAULTS.startOnUpload,
    intermediatesExpireAfter: props.intermediatesExpireAfter ?? Duration.days(7),
    jobsExpireAfter: props.jobsExpireAfter ?? Duration.days(90),
    logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
  };
}

function taskSecondsMax({ childExecutions }: Pick<CheckedProps, 'childExecutions'>): number {
  return TASK_TIMEOUT_SECONDS[childExecutions];
}

interface Rule {
  readonly prop: keyof CheckedProps;
  /** The prop's name in messages. Default: `prop`. */
  readonly label?: (settings: CheckedProps) => string;
  /** The value in the unit of the message. Default: the prop's own value. */
  readonly measure?: (settings: CheckedProps) => unknown;
  /** Returns what is wrong with the value, as words that follow the prop's name; undefined if the value is allowed. */
  readonly problem: (value: unknown, settings: CheckedProps) => string | undefined;
}

const RETENTIONS = Object.values(RetentionDays).filter((days) => typeof days === 'number');

/** The checks run in this order, because some bounds depend on props that were checked earlier. */
const RULES: readonly Rule[] = [
  { prop: 'jobs', problem: notAPath },
  { prop: 'childExecutions', problem: notAmong(['STANDARD', 'EXPRESS'], `'STANDARD' or 'EXPRESS'`) },
  { prop: 'taskMemoryMb', problem: notWhole('MB', 512, 10_240) },
  { prop: 'stepMemoryMb', problem: notWhole('MB', 512, 10_240) },
  { prop: 'maxConcurrency', problem: notWhole('tasks', 1, CONCURRENCY_MAX) },
  {
    prop: 'reservedConcurrency',
    label: ({ maxConcurrency }) => `reservedConcurrency (with a maxConcurrency of ${maxConcurrency})`,
    problem: (value, { maxConcurrency }) =>
      value === undefined ? undefined : notReservable(value, maxConcurrency),
  },
  { prop: 'maxTasksPerStage', problem: notWhole('tasks', 1, TASKS_PER_STAGE_MAX) },
  {
    prop: 'scratchSize',
    measure: ({ scratchSize }) => scratchSize.toMebibytes(),
    problem: notWhole('MiB', 512, 10_240),
  },
  {
    prop: 'taskTimeout',
    label: ({ childExecutions }) => `taskTimeout (with ${childExecutions} children)`,
    measure: ({ taskTimeout }) => taskTimeout.toSeconds(),
    problem: (value, settings) => notWhole('seconds', 30, taskSecondsMax(settings))(value),
  },
  {
    prop: 'intermediatesExpireAfter',
    measure: ({ intermediatesExpireAfter }) => intermediatesExpireAfter.toDays(),
    problem: notWhole('days', 1, 365),
  },
  {
    prop: 'jobsExpireAfter',
    measure: ({ jobsExpireAfter }) => jobsExpireAfter.toDays(),
    problem: (value, { intermediatesExpireAfter }) =>
      notWhole('days', intermediatesExpireAfter.toDays(), 3_650)(value),
  },
  { prop: 'logRetention', problem: notAmong(RETENTIONS, `one of ${RETENTIONS.join(', ')} days`) },
  { prop: 'readablePrefixes', problem: notPrefixes },
];

function notWhole(unit: string, min: number, max: number) {
  return (value: unknown): string | undefined =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? undefined
      : `must be a whole number from ${min} to ${max} ${unit}; received ${value}`;
}

/** A job that may start more tasks than are reserved would throttle itself. */
function notReservable(value: unknown, maxConcurrency: number): string | undefined {
  const problem = notWhole('functions', maxConcurrency, CONCURRENCY_MAX)(value);
  return problem !== undefined && notWhole('functions', 1, CONCURRENCY_MAX)(value) === undefined
    ? `${problem}. To reserve that many, set maxConcurrency to at most ${value}`
    : problem;
}

function notAmong(choices: readonly unknown[], listed: string) {
  return (value: unknown): string | undefined =>
    choices.includes(value) ? undefined : `must be ${listed}; received ${JSON.stringify(value)}`;
}

function notAPath(value: unknown): string | undefined {
  return typeof value === 'string' && value !== ''
    ? undefined
    : `must be the path of the module that exports the apps, such as 'apps/index.ts'; received ${JSON.stringify(value)}`;
}

function notPrefixes(value: unknown): string | undefined {
  return Array.isArray(value) && value.length > 0
    ? value.map(notAPrefix).find((problem) => problem !== undefined)
    : `must have at least one prefix, such as 'input/', because without one no job could read its input; received ${JSON.stringify(value)}`;
}

function notAPrefix(prefix: unknown): string | undefined {
  if (typeof prefix !== 'string' || prefix.startsWith('/') || (prefix !== '' && !prefix.endsWith('/'))) {
    return `must be prefixes that end in '/', such as 'input/' ('' for the whole bucket); received ${JSON.stringify(prefix)}`;
  }
  const internal = INTERNAL_PREFIXES.find((kept) => prefix.startsWith(kept));
  return internal === undefined
    ? undefined
    : `has ${JSON.stringify(prefix)}, but '${internal}' is internal to the deployment and no job can read it. Keep inputs elsewhere, such as below '${DATA_PREFIX}'`;
}

/** A token has no value yet: CloudFormation fills it in during deployment, after synthesis. */
function assertKnown(prop: string, value: unknown): void {
  const values: readonly unknown[] = Array.isArray(value) ? [value, ...value] : [value];
  if (!values.some((each) => Token.isUnresolved(each))) return;
  throw new Error(
    `${prop} must be known at synthesis; received a token, such as the value of a CfnParameter. Take the value from the context of cdk, or from an environment variable`,
  );
}
