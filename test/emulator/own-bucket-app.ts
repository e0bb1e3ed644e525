/** A user's CDK app: a stack with its own bucket and key, and MapReduce in the same stack. */
import { join } from 'node:path';
import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Bucket, type CfnBucket, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { MapReduce } from '../../infra/construct/map-reduce.ts';

const app = new App();
const stack = new Stack(app, app.node.getContext('stackName'));
const removalPolicy = RemovalPolicy.DESTROY;
const encryptionKey = new Key(stack, 'Key', { removalPolicy });
const bucket = new Bucket(stack, 'Lake', { encryptionKey, bucketKeyEnabled: true, removalPolicy });
// Enables events as the construct does: `eventBridgeEnabled` needs a custom resource, which emulators skip.
(bucket.node.defaultChild as CfnBucket).notificationConfiguration = {
  eventBridgeConfiguration: { eventBridgeEnabled: true },
};
const { stateMachine } = new MapReduce(stack, 'Jobs', {
  jobs: join(import.meta.dirname, '../../apps/index.ts'),
  bucket: bucket as IBucket,
  encryptionKey,
  childExecutions: app.node.getContext('childExecutions'),
  taskMemoryMb: 512,
  taskTimeout: Duration.minutes(4),
  maxConcurrency: 4,
  logRetention: RetentionDays.ONE_WEEK,
  removalPolicy,
  alarmTopic: new Topic(stack, 'Alarms'),
});
new CfnOutput(stack, 'BucketName', { value: bucket.bucketName });
new CfnOutput(stack, 'StateMachineArn', { value: stateMachine.stateMachineArn });
new CfnOutput(stack, 'KeyArn', { value: encryptionKey.keyArn });
app.synth();
