/**
 * The app of `cdk deploy`. Settings by context: `cdk deploy -c taskMemoryMb=3538 -c maxConcurrency=200`.
 * Synthesis needs no account, no network and no Docker.
 */
import { resolve } from 'node:path';
import { App, Duration, RemovalPolicy, Size, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { parseContext } from './context.ts';
import { MapReduceStack } from './stack.ts';

const REMOVAL_POLICIES = { retain: RemovalPolicy.RETAIN, destroy: RemovalPolicy.DESTROY };

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
const { stackName, jobs, taskTimeoutSeconds, scratchSizeMb, removalPolicy, ...context } = parseContext(
  (name) => app.node.tryGetContext(name),
);
new MapReduceStack(app, stackName, {
  description: 'MapReduce on Lambda, Step Functions and S3',
  mapReduce: {
    jobs: jobs ?? resolve(import.meta.dirname, '../apps/index.ts'),
    ...context,
    ...(taskTimeoutSeconds === undefined ? {} : { taskTimeout: Duration.seconds(taskTimeoutSeconds) }),
    ...(scratchSizeMb === undefined ? {} : { scratchSize: Size.mebibytes(scratchSizeMb) }),
    ...(removalPolicy === undefined ? {} : { removalPolicy: REMOVAL_POLICIES[removalPolicy] }),
  },
});
app.synth();
