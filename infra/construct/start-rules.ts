/**
 * EventBridge rules: uploads and requests start executions. Events that cannot be delivered go to a queue with an
 * alarm.
 */
import { Duration } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { SfnStateMachine } from 'aws-cdk-lib/aws-events-targets';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { INPUT_PREFIX, REQUEST_SUFFIX, REQUESTS_PREFIX } from '../../src/aws/protocol/keys.ts';
import { acknowledge } from './nag.ts';

export interface StartRulesProps {
  readonly bucket: IBucket;
  readonly stateMachine: StateMachine;
  readonly startOnUpload: boolean;
}

export class StartRules extends Construct {
  /** Events that could not start an execution within a day. */
  readonly undelivered: Queue;

  constructor(scope: Construct, id: string, { bucket, stateMachine, startOnUpload }: StartRulesProps) {
    super(scope, id);
    this.undelivered = new Queue(this, 'Undelivered', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acknowledge(this.undelivered, { 'AwsSolutions-SQS3': 'This queue is a dead-letter queue itself.' });
    const target = new SfnStateMachine(stateMachine, {
      deadLetterQueue: this.undelivered,
      retryAttempts: 185,
      maxEventAge: Duration.hours(24),
    });
    const rule = (name: string, description: string, key: unknown) =>
      new Rule(this, name, {
        description,
        eventPattern: {
          source: ['aws.s3'],
          detailType: ['Object Created'],
          detail: { bucket: { name: [bucket.bucketName] }, object: { key: [key] } },
        },
        targets: [target],
      });
    rule('Requests', 'A request object starts a job over many inputs', {
      wildcard: `${REQUESTS_PREFIX}*${REQUEST_SUFFIX}`,
    });
    if (startOnUpload)
      rule('Uploads', 'An upload starts a job on the uploaded object', { prefix: INPUT_PREFIX });
  }
}
