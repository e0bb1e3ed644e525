/** The one bucket of a deployment: inputs, requests, jobs, intermediates, results. Its keys: src/aws/protocol/keys.ts. */
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
      // Attempts that died leave the parts of their uploads behind, invisible and billed.
      { id: 'abandoned-uploads', abortIncompleteMultipartUploadAfter: Duration.days(2) },
    ],
  });
  // Not `eventBridgeEnabled`: that is a custom resource with a function of its own, and this is a property.
  (bucket.node.defaultChild as CfnBucket).notificationConfiguration = {
    eventBridgeConfiguration: { eventBridgeEnabled: true },
  };
  acknowledge(bucket, {
    'AwsSolutions-S1':
      'Server access logs of a bucket that takes thousands of requests a second would outgrow its data. CloudTrail data events are the choice of whoever deploys.',
  });
  // The class and its interface differ in optional properties, for those who compile as strictly as we do.
  return bucket as IBucket;
}
