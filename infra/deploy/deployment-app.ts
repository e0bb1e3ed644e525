/**
 * The app that `mapreduce deploy` deploys. Its settings come from the context: `cdk deploy -c taskMemoryMb=3538 -c
 * maxConcurrency=200`. Synthesis needs no account, no network and no Docker.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { App, Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { siblingModule } from '../../src/local/run/sibling-module.ts';
import type { MapReduceProps } from '../construct/props.ts';
import { type AppContext, parseContext } from './context.ts';
import { MapReduceStack } from './stack.ts';

const RECOMMENDED_FLAGS: Readonly<Record<string, unknown>> = createRequire(import.meta.url)(
  'aws-cdk-lib/recommended-feature-flags.json',
);

const REMOVAL_POLICIES = { retain: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, destroy: RemovalPolicy.DESTROY };

/**
 * The flags that aws-cdk-lib recommends for new apps, so that it prints no notice about flags that are not set, and
 * those in which we differ. They are here and not in cdk.json, so that a checkout and the published package deploy the
 * same.
 */
const FEATURE_FLAGS = {
  ...RECOMMENDED_FLAGS,
  '@aws-cdk/core:target-partitions': ['aws', 'aws-cn', 'aws-us-gov'],
};

/** @throws Error for a setting in the context that is not valid */
export function deploymentApp(): App {
  const app = new App({ context: FEATURE_FLAGS });
  const context = parseContext((name) => app.node.tryGetContext(name));
  new MapReduceStack(app, context.stackName, {
    description: 'MapReduce on Lambda, Step Functions and S3',
    mapReduce: propsOf(context),
  });
  return app;
}

/** The props of the construct that these settings ask for. Without `jobs`, the apps of this package. */
export function propsOf(context: AppContext): MapReduceProps {
  const {
    stackName: _,
    jobs,
    taskTimeoutSeconds,
    scratchSizeMb,
    intermediatesExpireAfterDays,
    jobsExpireAfterDays,
    logRetentionDays,
    removalPolicy,
    ...plain
  } = context;
  return {
    jobs: jobs ?? fileURLToPath(siblingModule('../../apps/index', import.meta.url)),
    ...plain,
    ...made('taskTimeout', taskTimeoutSeconds, Duration.seconds),
    ...made('scratchSize', scratchSizeMb, Size.mebibytes),
    ...made('intermediatesExpireAfter', intermediatesExpireAfterDays, Duration.days),
    ...made('jobsExpireAfter', jobsExpireAfterDays, Duration.days),
    // The values of RetentionDays are days. The construct checks that it is one of them.
    ...made('logRetention', logRetentionDays, (days): RetentionDays => days),
    ...made('removalPolicy', removalPolicy, (name) => REMOVAL_POLICIES[name]),
  };
}

/** The prop, if its setting is given. */
function made<N extends keyof MapReduceProps, T>(
  prop: N,
  setting: T | undefined,
  make: (setting: T) => MapReduceProps[N],
): Pick<MapReduceProps, N> | undefined {
  // The cast: a computed name is just a string to the compiler.
  return setting === undefined ? undefined : ({ [prop]: make(setting) } as Pick<MapReduceProps, N>);
}
