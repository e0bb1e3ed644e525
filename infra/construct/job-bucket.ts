/**
 * The bucket of a deployment: inputs, requests, jobs, intermediates, results. src/aws/protocol/keys.ts has its keys.
 */
import { Duration, type RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type CfnBucket,
  type IBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { JOBS_PREFIX, WORK_PREFIX } from '../../src/aws/protocol/keys.ts';
import { acknowledge } from './nag.ts';

export interface JobBucketProps {
  readonly encryptionKey: IKey | undefined;
  readonly intermediatesExpireAfter: Duration;
  readonly jobsExpireAfter: Duration;
  readonly removalPolicy: RemovalPolicy;
}

export function jobBucket(scope: Construct, id: string, props: JobBucketProps): IBucket {
  const { encryptionKey, intermediatesExpireAfter, jobsExpireAfter, removalPolicy } = props;
  const bucket = new Bucket(scope, id, {
    ...(encryptionKey === undefined
      ? { encryption: BucketEncryption.S3_MANAGED }
      : { encryption: BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }),
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy,
    lifecycleRules: [
      { id: 'intermediates', prefix: WORK_PREFIX, expiration: intermediatesExpireAfter },
      { id: 'jobs', prefix: JOBS_PREFIX, expiration: jobsExpireAfter },
      // Attempts that died leave parts of their uploads behind, which are invisible and billed.
      { id: 'abandoned-uploads', abortIncompleteMultipartUploadAfter: Duration.days(2) },
    ],
  });
  // `eventBridgeEnabled` would add a custom resource with a function of its own; this is a property of the bucket.
  // The cast: CDK does not type the default child of a construct. That of a Bucket is a CfnBucket.
  (bucket.node.defaultChild as CfnBucket).notificationConfiguration = {
    eventBridgeConfiguration: { eventBridgeEnabled: true },
  };
  acknowledge(bucket, {
    'AwsSolutions-S1':
      'The server access logs of a bucket with thousands of requests a second would outgrow its data. CloudTrail data events are an option for the account that deploys.',
  });
  // The cast: under exactOptionalPropertyTypes the class and its own interface differ in optional properties.
  return bucket as IBucket;
}
