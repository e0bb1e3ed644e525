/** The construct, for a stack of your own. `MapReduceStack` (deploy/stack.ts) is a ready-made stack. */
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { IMetric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { Grant, type IGrantable, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import {
  DATA_PREFIX,
  INPUT_PREFIX,
  JOBS_PREFIX,
  OUTPUT_PREFIX,
  REQUESTS_PREFIX,
  WORK_PREFIX,
} from '../../src/aws/protocol/keys.ts';
import { listCondition } from '../functions/bucket-access.ts';
import { FUNCTION_NAMES } from '../functions/function-names.ts';
import { TASK_FUNCTIONS } from '../machine/stages.ts';
import { jobBucket } from './job-bucket.ts';
import { executionsOf, type LoggedMachine, mapRunsOf } from './machine-resource.ts';
import { Monitoring } from './monitoring.ts';
import { checkProps, type MapReduceProps } from './props.ts';
import { StartRules } from './start-rules.ts';
import { jobStateMachine } from './state-machine.ts';
import { StepFunctions } from './step-functions.ts';
import { watchMachine } from './watch-machine.ts';

/**
 * A deployment of MapReduce in a stack of your own: a bucket, a function per step, the state machines that run jobs, the
 * rules that start them, alarms and a dashboard. The grant methods give a role or user the least that a use needs.
 *
 * @throws Error for a prop that is out of bounds, and for a module of jobs that does not load
 *
 * @example
 * const jobs = new MapReduce(this, 'Jobs', { jobs: 'apps/index.ts', taskMemoryMb: 3_538 });
 * jobs.grantSubmit(role);
 */
export class MapReduce extends Construct {
  readonly bucket: IBucket;
  /** The KMS key that encrypts the objects of the bucket, if there is one. */
  readonly bucketKey: IKey | undefined;
  readonly stateMachine: StateMachine;
  readonly functions: StepFunctions;
  readonly startRules: StartRules;
  readonly monitoring: Monitoring;
  readonly #machines: readonly LoggedMachine[];

  constructor(scope: Construct, id: string, props: MapReduceProps) {
    super(scope, id);
    const checked = checkProps(props);
    const { encryptionKey, removalPolicy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE } = props;
    this.bucket = props.bucket ?? jobBucket(this, 'Bucket', { ...checked, encryptionKey, removalPolicy });
    // A bucket that was imported by its name or ARN does not know its key.
    this.bucketKey = this.bucket.encryptionKey ?? encryptionKey;
    const { bucket, bucketKey } = this;
    const shared = { ...checked, bucket, bucketKey, encryptionKey, removalPolicy };
    this.functions = new StepFunctions(this, 'Functions', shared);
    encryptionKey?.grantEncryptDecrypt(logsService(Stack.of(this)));
    const watch = watchMachine(this, 'Watch', { ...shared, functions: this.functions });
    const jobs = jobStateMachine(this, 'StateMachine', {
      ...shared,
      functions: this.functions,
      watchMachine: watch.stateMachine,
    });
    this.stateMachine = jobs.stateMachine;
    this.#machines = [jobs, watch];
    this.startRules = new StartRules(this, 'Start', {
      bucket: this.bucket,
      stateMachine: this.stateMachine,
      startOnUpload: checked.startOnUpload,
    });
    this.monitoring = new Monitoring(this, 'Monitoring', {
      stateMachine: this.stateMachine,
      functions: this.functions,
      undelivered: this.startRules.undelivered,
      alarmTopic: props.alarmTopic,
    });
  }

  /**
   * Allows what {@link grantRead} allows, and to submit, cancel and redrive jobs, to upload their inputs, and to see
   * what they cost: `mapreduce submit`, `cancel` and `redrive`.
   */
  grantSubmit(grantee: IGrantable): Grant {
    const { stateMachine, bucketKey } = this;
    const inputs = [`${INPUT_PREFIX}*`, `${DATA_PREFIX}*`];
    const executions = executionsOf(stateMachine);
    return (
      stateMachine
        .grantStartExecution(grantee)
        .combine(allow(grantee, ['states:StopExecution'], [executions]))
        .combine(allow(grantee, ['states:DescribeStateMachine'], [stateMachine.stateMachineArn]))
        .combine(
          allow(
            grantee,
            ['states:GetExecutionHistory', 'states:ListMapRuns', 'states:DescribeStateMachineForExecution'],
            [executions],
          ),
        )
        .combine(
          allow(grantee, ['states:DescribeMapRun', 'states:ListExecutions'], [mapRunsOf(stateMachine)]),
        )
        .combine(allow(grantee, ['lambda:GetFunctionConfiguration'], this.#functionArns()))
        // Whoever may start jobs may also have them planned, by submit --dry-run.
        .combine(allow(grantee, ['lambda:InvokeFunction'], this.functions.versionArns(['plan'])))
        // When the response to an upload is lost, the uploader checks whether the object is there.
        .combine(this.#list(grantee, inputs))
        .combine(this.#objects(grantee, 's3:GetObject', inputs))
        .combine(this.#objects(grantee, 's3:AbortMultipartUpload', inputs))
        .combine(
          this.#objects(grantee, 's3:PutObject', [
            ...inputs,
            `${REQUESTS_PREFIX}*`,
            `${JOBS_PREFIX}*/cancel`,
          ]),
        )
        .combine(bucketKey?.grantEncrypt(grantee) ?? noKey(grantee))
        .combine(this.grantRead(grantee))
    );
  }

  /**
   * Allows what {@link grantRead} allows, and to read the logs of functions and machines, and to run a single task of a
   * job without committing it: `mapreduce logs` and `invoke`.
   */
  grantDebug(grantee: IGrantable): Grant {
    const { byName } = this.functions;
    const logGroups = [...Object.values(byName), ...this.#machines].map(
      ({ logGroup }) => logGroup.logGroupArn,
    );
    const machines = this.#machines.map(({ stateMachine }) => stateMachine.stateMachineArn);
    return allow(grantee, ['logs:FilterLogEvents'], logGroups)
      .combine(allow(grantee, ['states:DescribeStateMachine'], machines))
      .combine(allow(grantee, ['lambda:GetFunctionConfiguration'], this.#functionArns()))
      .combine(allow(grantee, ['lambda:InvokeFunction'], this.functions.versionArns(TASK_FUNCTIONS)))
      .combine(this.grantRead(grantee));
  }

  /** Allows to read jobs, results, manifests and failures: `mapreduce jobs`, `status`, `wait` and `results`. */
  grantRead(grantee: IGrantable): Grant {
    const { bucketKey, stateMachine } = this;
    const readable = [`${OUTPUT_PREFIX}*`, `${JOBS_PREFIX}*`, `${REQUESTS_PREFIX}*`];
    return allow(grantee, ['cloudformation:DescribeStacks'], [this.#stackByName()])
      .combine(allow(grantee, ['states:ListExecutions'], [stateMachine.stateMachineArn]))
      .combine(allow(grantee, ['states:DescribeExecution'], [executionsOf(stateMachine)]))
      .combine(this.#list(grantee, [...readable, `${WORK_PREFIX}*`]))
      .combine(this.#objects(grantee, 's3:GetObject', readable))
      .combine(bucketKey?.grantDecrypt(grantee) ?? noKey(grantee));
  }

  /** Jobs that failed. Default: their sum in 5 minutes. */
  metricJobsFailed(options?: MetricOptions): IMetric {
    return this.stateMachine.metricFailed({ statistic: 'Sum', ...options });
  }

  /** Jobs that succeeded. Default: their sum in 5 minutes. */
  metricJobsSucceeded(options?: MetricOptions): IMetric {
    return this.stateMachine.metricSucceeded({ statistic: 'Sum', ...options });
  }

  /** Milliseconds from start to end of a job. Default: their average in 5 minutes. */
  metricJobDuration(options?: MetricOptions): IMetric {
    return this.stateMachine.metricTime(options);
  }

  #list(grantee: IGrantable, prefixes: readonly string[]): Grant {
    return Grant.addToPrincipal({
      grantee,
      actions: ['s3:ListBucket'],
      resourceArns: [this.bucket.bucketArn],
      conditions: listCondition(prefixes),
    });
  }

  #objects(grantee: IGrantable, action: string, keys: readonly string[]): Grant {
    return allow(
      grantee,
      [action],
      keys.map((key) => this.bucket.arnForObjects(key)),
    );
  }

  /**
   * A request for a stack by its name, as the command makes it, needs `<name>/*`: it does not know the id of the stack.
   */
  #stackByName(): string {
    const stack = Stack.of(this);
    return stack.formatArn({
      service: 'cloudformation',
      resource: 'stack',
      resourceName: `${stack.stackName}/*`,
    });
  }

  /** Of the functions and their versions. */
  #functionArns(): string[] {
    const { byName } = this.functions;
    return [
      ...Object.values(byName).map(({ functionArn }) => functionArn),
      ...this.functions.versionArns(FUNCTION_NAMES),
    ];
  }
}

function allow(grantee: IGrantable, actions: string[], resourceArns: string[]): Grant {
  return Grant.addToPrincipal({ grantee, actions, resourceArns });
}

/** CloudWatch encrypts log groups as a service, not as the role that writes to them. */
function logsService(stack: Stack): ServicePrincipal {
  const logGroups = stack.formatArn({ service: 'logs', resource: '*' });
  return new ServicePrincipal(`logs.${stack.region}.${stack.urlSuffix}`, {
    conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': logGroups } },
  });
}

function noKey(grantee: IGrantable): Grant {
  return Grant.drop(grantee, 'no key to use');
}
