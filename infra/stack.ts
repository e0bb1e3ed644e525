/** What `cdk deploy` deploys as it is. The command line finds it by its outputs, whose names are public contract. */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { consoleUrl } from './console-url.ts';
import { MapReduce } from './map-reduce.ts';
import type { MapReduceProps } from './props.ts';

export class MapReduceStack extends Stack {
  readonly mapReduce: MapReduce;

  constructor(
    scope: Construct,
    id: string,
    { mapReduce, ...props }: StackProps & { mapReduce: MapReduceProps },
  ) {
    super(scope, id, props);
    this.mapReduce = new MapReduce(this, 'MapReduce', mapReduce);
    const { bucket, stateMachine, monitoring } = this.mapReduce;
    const output = (name: string, description: string, value: string) =>
      new CfnOutput(this, name, { description, value });
    output('BucketName', 'Inputs, requests, jobs and results', bucket.bucketName);
    output('StateMachineArn', 'Runs the jobs', stateMachine.stateMachineArn);
    const console = consoleUrl(this);
    output(
      'JobsConsole',
      'Executions of the state machine',
      `${console}/states/home?region=${this.region}#/statemachines/view/${stateMachine.stateMachineArn}`,
    );
    output('BucketConsole', 'The bucket', `${console}/s3/buckets/${bucket.bucketName}?region=${this.region}`);
    output(
      'DashboardConsole',
      'Jobs, attempts and what was throttled',
      `${console}/cloudwatch/home?region=${this.region}#dashboards/dashboard/${monitoring.dashboard.dashboardName}`,
    );
  }
}
