/**
 * The stack that `mapreduce deploy` deploys. The command finds a deployment by the stack's outputs, so their names are a
 * public contract.
 */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { MapReduce } from '../construct/map-reduce.ts';
import type { MapReduceProps } from '../construct/props.ts';
import { consoleUrl } from './console-url.ts';

/**
 * A stack with one MapReduce construct, and the outputs by which the command finds it: the bucket and the state machine.
 *
 * @throws Error for a prop that is out of bounds, and for a module of jobs that does not load
 *
 * @example
 * new MapReduceStack(app, 'Jobs', { mapReduce: { jobs: './jobs.ts', maxConcurrency: 200 } });
 */
export class MapReduceStack extends Stack {
  /** The construct, for example to call its grant methods. */
  readonly mapReduce: MapReduce;

  constructor(
    scope: Construct,
    id: string,
    { mapReduce, ...props }: StackProps & { mapReduce: MapReduceProps },
  ) {
    super(scope, id, props);
    this.mapReduce = new MapReduce(this, 'MapReduce', mapReduce);
    const { bucket, stateMachine, monitoring, functions } = this.mapReduce;
    const { apps } = functions.catalog;
    const output = (name: string, description: string, value: string) =>
      new CfnOutput(this, name, { description, value });
    output('BucketName', 'Inputs, requests, jobs and results', bucket.bucketName);
    output('StateMachineArn', 'Runs the jobs', stateMachine.stateMachineArn);
    // The next deployment reads them, so that it does not drop apps silently.
    for (const [index, value] of appLists(apps.map(({ name }) => name)).entries()) {
      output(`Apps${index}`, 'Names of the deployed apps, as JSON', value);
    }
    const console = consoleUrl(this);
    output(
      'JobsConsole',
      'Executions of the state machine',
      `${console}/states/home?region=${this.region}#/statemachines/view/${stateMachine.stateMachineArn}`,
    );
    output('BucketConsole', 'The bucket', `${console}/s3/buckets/${bucket.bucketName}?region=${this.region}`);
    output(
      'DashboardConsole',
      'Dashboard with jobs, attempts and throttling',
      `${console}/cloudwatch/home?region=${this.region}#dashboards/dashboard/${monitoring.dashboard.dashboardName}`,
    );
  }
}

/** An output of CloudFormation holds at most 1,024 bytes. */
const OUTPUT_BYTES_MAX = 1_000;

/** The names as JSON lists, because a name may hold commas; each list fits one output. */
function appLists(names: readonly string[]): string[] {
  let last: string[] = [];
  const lists = [last];
  for (const name of names) {
    if (Buffer.byteLength(JSON.stringify([...last, name])) > OUTPUT_BYTES_MAX) {
      last = [];
      lists.push(last);
    }
    last.push(name);
  }
  return lists.map((list) => JSON.stringify(list));
}
