/**
 * The Lambda functions. Each has a log group, a role that allows only what its step does, and a version, which the
 * machines invoke. A version never changes, so a running job keeps the code and settings that it started with
 * (docs/decisions/0027-pinned-code.md).
 */
import { type CfnResource, Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Architecture,
  Code,
  EventInvokeConfig,
  Function as LambdaFunction,
  Runtime,
  Tracing,
  type Version,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import { Construct } from 'constructs';
import type { AppCatalog } from '../../src/aws/protocol/app-catalog.ts';
import { CODE_HASH_VARIABLE } from '../../src/aws/protocol/code-hash.ts';
import { CONCURRENCY_VARIABLE } from '../../src/aws/protocol/concurrency.ts';
import { WAKES_VARIABLE, WOKEN_FUNCTIONS } from '../../src/aws/protocol/wake.ts';
import { bundleHandlers } from '../bundling/bundle.ts';
import { deployerOf } from '../bundling/deployer.ts';
import { type BucketAccess, bucketAccess, listCondition } from '../functions/bucket-access.ts';
import { EVENT_AGE_SECONDS_MAX, STEP_TIMEOUT_SECONDS } from '../functions/deployment-defaults.ts';
import { byFunction, type FunctionName, pascalCase } from '../functions/function-names.ts';
import { TASK_FUNCTIONS } from '../machine/stages.ts';
import { grantInvoke } from './machine-resource.ts';
import { acknowledgeWildcard } from './nag.ts';
import type { CheckedProps } from './props.ts';

export const STEP_TIMEOUT = Duration.seconds(STEP_TIMEOUT_SECONDS);

export interface StepFunctionsProps extends CheckedProps {
  readonly bucket: IBucket;
  readonly bucketKey: IKey | undefined;
  readonly encryptionKey: IKey | undefined;
  readonly removalPolicy: RemovalPolicy;
}

export class StepFunctions extends Construct {
  /** The deployed apps, and the project that deploys them. */
  readonly catalog: AppCatalog;
  readonly byName: Readonly<Record<FunctionName, LambdaFunction>>;
  /** What this deployment invokes. Earlier deployments may have left other versions, which running jobs use. */
  readonly versions: Readonly<Record<FunctionName, Version>>;

  constructor(scope: Construct, id: string, props: StepFunctionsProps) {
    super(scope, id);
    const bundles = bundleHandlers(props.jobs);
    this.catalog = { by: deployerOf(props.jobs), apps: bundles.apps };
    // With --no-staging, as for `sam local`, the assets are read from these folders later: then they must stay.
    using _removedWhenCopied = isStaged(this) ? bundles : undefined;
    const { codeHash } = bundles;
    this.byName = byFunction((name) =>
      this.#function(name, { ...props, codeHash, code: Code.fromAsset(bundles.folder(name)) }),
    );
    this.versions = byFunction((name) => this.#version(name));
    this.#letPlanWakeOthers();
  }

  #function(
    name: FunctionName,
    { code, codeHash, ...props }: StepFunctionsProps & { code: Code; codeHash: string },
  ): LambdaFunction {
    const id = pascalCase(name);
    const logGroup = new LogGroup(this, `${id}Logs`, {
      retention: props.logRetention,
      removalPolicy: props.removalPolicy,
      ...(props.encryptionKey === undefined ? {} : { encryptionKey: props.encryptionKey }),
    });
    const role = new Role(this, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(role);
    grantAccess(role, bucketAccess(name, props.readablePrefixes), props);
    const isTask = TASK_FUNCTIONS.includes(name);
    const runsEngine = isTask || name === 'commit';
    const fn = new LambdaFunction(this, id, {
      description: `MapReduce: ${name}`,
      code,
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: runsEngine ? props.taskMemoryMb : props.stepMemoryMb,
      timeout: isTask ? props.taskTimeout : STEP_TIMEOUT,
      ephemeralStorageSize: runsEngine ? props.scratchSize : Size.mebibytes(512),
      role,
      logGroup,
      // Of the function, so all its versions share it.
      ...(isTask && props.reservedConcurrency !== undefined
        ? { reservedConcurrentExecutions: props.reservedConcurrency }
        : {}),
      tracing: Tracing.ACTIVE,
      // Its logical id changes with the code and the settings, which makes CloudFormation publish another version.
      currentVersionOptions: { removalPolicy: KEPT, description: `MapReduce: ${name}, code ${codeHash}` },
      environment: {
        [CODE_HASH_VARIABLE]: codeHash,
        MAPREDUCE_BUCKET: props.bucket.bucketName,
        [CONCURRENCY_VARIABLE]: String(props.maxConcurrency),
        MAPREDUCE_BACKUP_ATTEMPTS: String(props.backupAttempts),
        MAPREDUCE_MAX_TASKS_PER_STAGE: String(props.maxTasksPerStage),
        // For the plan, which says what may not fit.
        MAPREDUCE_TASK_MEMORY_MB: String(props.taskMemoryMb),
        MAPREDUCE_SCRATCH_MB: String(props.scratchSize.toMebibytes()),
        // For the estimate of a job.
        MAPREDUCE_CHILD_EXECUTIONS: props.childExecutions,
        MAPREDUCE_TASK_TIMEOUT_S: String(props.taskTimeout.toSeconds()),
        MAPREDUCE_READABLE_PREFIXES: JSON.stringify(props.readablePrefixes),
        NODE_OPTIONS: '--enable-source-maps',
        POWERTOOLS_LOG_LEVEL: 'INFO',
      },
    });
    acknowledgeWildcard(role, '*', 'X-Ray permissions apply to an account, not to a resource.');
    return fn;
  }

  /** Others do not depend on the plan function, so this makes no circle. */
  #letPlanWakeOthers(): void {
    const { plan } = this.byName;
    const versions = WOKEN_FUNCTIONS.map((name) => this.versions[name].functionArn);
    plan.addEnvironment(WAKES_VARIABLE, JSON.stringify(versions));
    // The `!`: #function() gives each function a role.
    grantInvoke(plan.role!, this.versionArns(WOKEN_FUNCTIONS));
  }

  #version(name: FunctionName): Version {
    const fn = this.byName[name];
    const { currentVersion } = fn;
    if (TASK_FUNCTIONS.includes(name)) {
      // Backup attempts are events.
      const events = new EventInvokeConfig(this, `${pascalCase(name)}Events`, {
        function: fn,
        qualifier: currentVersion.version,
        maxEventAge: Duration.seconds(EVENT_AGE_SECONDS_MAX),
        retryAttempts: 0,
      });
      // The cast: CDK does not type the default child of a construct. This is a CfnEventInvokeConfig.
      (events.node.defaultChild as CfnResource).applyRemovalPolicy(KEPT);
    }
    return currentVersion;
  }

  /** The ARNs of all versions of the functions, for policies. */
  versionArns(names: readonly FunctionName[]): string[] {
    return names.map((name) => `${this.byName[name].functionArn}:*`);
  }
}

/**
 * Keeps what an update replaces. If the update fails, the new version is deleted, because Lambda would not publish the
 * same code and settings again. Deleting a function deletes all its versions.
 */
const KEPT = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;

function isStaged({ node }: Construct): boolean {
  return !node.tryGetContext(DISABLE_ASSET_STAGING_CONTEXT);
}

function grantAccess(role: Role, access: BucketAccess, { bucket, bucketKey }: StepFunctionsProps): void {
  const allow = (actions: readonly string[], keys: readonly string[]) => {
    if (keys.length === 0) return;
    const resources = keys.map((key) => bucket.arnForObjects(key));
    role.addToPolicy(new PolicyStatement({ actions: [...actions], resources }));
    for (const resource of resources) {
      acknowledgeWildcard(
        role,
        resource,
        'The keys of jobs and tasks are not known at synthesis; their prefixes are.',
      );
    }
  };
  role.addToPolicy(
    new PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [bucket.bucketArn],
      conditions: listCondition([...access.list, ...access.read]),
    }),
  );
  allow(['s3:GetObject'], access.read);
  allow(['s3:PutObject', 's3:AbortMultipartUpload'], access.write);
  allow(['s3:DeleteObject'], access.remove);
  // Decrypt is needed for writing too: a multipart upload reads its own data key.
  bucketKey?.grant(role, 'kms:Decrypt', 'kms:GenerateDataKey');
}
