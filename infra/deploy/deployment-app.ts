/**
 * The app that is deployed as it is. Settings by context: `cdk deploy -c taskMemoryMb=3538 -c maxConcurrency=200`.
 * Synthesis needs no account, no network and no Docker.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { App, Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { siblingModule } from '../../src/local/run/sibling-module.ts';
import type { MapReduceProps } from '../construct/props.ts';
import { type AppContext, parseContext } from './context.ts';
import { MapReduceStack } from './stack.ts';

const REMOVAL_POLICIES = { retain: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE, destroy: RemovalPolicy.DESTROY };

/**
 * What aws-cdk-lib recommends to new apps, and so no notice about flags that are not set; then what differs. Here and
 * not in cdk.json: a deployment is the same from a checkout and from the published package.
 */
const FEATURE_FLAGS = {
  ...(createRequire(import.meta.url)('aws-cdk-lib/recommended-feature-flags.json') as Record<
    string,
    unknown
  >),
  '@aws-cdk/core:target-partitions': ['aws', 'aws-cn', 'aws-us-gov'],
};

export function deploymentApp(): App {
  const app = new App({ context: FEATURE_FLAGS });
  const context = parseContext((name) => app.node.tryGetContext(name));
  new MapReduceStack(app, context.stackName, {
    description: 'MapReduce on Lambda, Step Functions and S3',
    mapReduce: propsOf(context),
  });
  return app;
}

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
    // The values of RetentionDays are days; the construct knows which there are.
    ...made('logRetention', logRetentionDays, (days) => days as RetentionDays),
    ...made('removalPolicy', removalPolicy, (name) => REMOVAL_POLICIES[name]),
  };
}

/** The prop, unless its setting is not given. */
function made<N extends keyof MapReduceProps, T>(
  prop: N,
  setting: T | undefined,
  make: (setting: T) => MapReduceProps[N],
): Pick<MapReduceProps, N> | undefined {
  return setting === undefined ? undefined : ({ [prop]: make(setting) } as Pick<MapReduceProps, N>);
}
