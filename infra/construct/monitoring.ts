/** A dashboard, and alarms: a job failed, an event could not start its job, Lambda throttles tasks for long. */
import { Duration } from 'aws-cdk-lib';
import {
  type Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { FUNCTION_NAMES, type FunctionName, pascalCase } from '../functions/function-names.ts';
import { TASK_FUNCTIONS } from '../machine/stages.ts';
import type { StepFunctions } from './step-functions.ts';

export interface MonitoringProps {
  readonly stateMachine: StateMachine;
  readonly functions: StepFunctions;
  readonly undelivered: Queue;
  readonly alarmTopic: ITopic | undefined;
}

/** Dashboards are 24 units wide. */
const HALF = 12;

export class Monitoring extends Construct {
  readonly jobFailed: Alarm;
  readonly eventUndelivered: Alarm;
  /** One for the tasks of each stage. */
  readonly tasksThrottled: readonly Alarm[];
  readonly dashboard: Dashboard;

  constructor(
    scope: Construct,
    id: string,
    { stateMachine, functions, undelivered, alarmTopic }: MonitoringProps,
  ) {
    super(scope, id);
    this.jobFailed = stateMachine
      .metricFailed({ statistic: 'Sum', period: Duration.minutes(5) })
      .createAlarm(this, 'JobFailed', {
        ...AT_LEAST_ONE,
        alarmDescription:
          'A job failed. To see which and why: mapreduce jobs, then mapreduce status <job id>, or jobs/<job id>/failure.json in the bucket',
      });
    this.eventUndelivered = undelivered
      .metricApproximateNumberOfMessagesVisible({ statistic: 'Maximum', period: Duration.minutes(5) })
      .createAlarm(this, 'EventUndelivered', {
        ...AT_LEAST_ONE,
        alarmDescription:
          'An upload or a request could not start its job within a day. The queue holds its event.',
      });
    // One alarm each: a sum of both would need metric math, which the emulators do not support.
    this.tasksThrottled = TASK_FUNCTIONS.map((name) =>
      functions.byName[name]
        .metricThrottles({ statistic: 'Sum', period: Duration.minutes(5) })
        .createAlarm(this, `${pascalCase(name)}Throttled`, {
          ...AT_LEAST_ONE,
          evaluationPeriods: THROTTLED_PERIODS,
          alarmDescription:
            'Lambda has throttled tasks for more than 30 minutes. Tasks wait for hours before their job fails. Lower maxConcurrency, or ask AWS for more concurrency.',
        }),
    );
    if (alarmTopic !== undefined) {
      for (const alarm of [this.jobFailed, this.eventUndelivered, ...this.tasksThrottled])
        alarm.addAlarmAction(new SnsAction(alarmTopic));
    }
    this.dashboard = this.#dashboard(stateMachine, functions, undelivered);
  }

  #dashboard(stateMachine: StateMachine, { byName }: StepFunctions, undelivered: Queue): Dashboard {
    const sum = { statistic: 'Sum' };
    const perFunction = (metric: (name: FunctionName) => Metric) => FUNCTION_NAMES.map(metric);
    // No name is given, because the names of dashboards are unique in an account across regions.
    return new Dashboard(this, 'Dashboard', {
      widgets: [
        [
          graph('Jobs', [
            stateMachine.metricStarted({ ...sum, label: 'started' }),
            stateMachine.metricSucceeded({ ...sum, label: 'succeeded' }),
            stateMachine.metricFailed({ ...sum, label: 'failed' }),
            stateMachine.metricAborted({ ...sum, label: 'cancelled' }),
          ]),
          graph('Job duration', [
            stateMachine.metricTime({ statistic: 'p50', label: 'median' }),
            stateMachine.metricTime({ statistic: 'Maximum', label: 'longest' }),
          ]),
        ],
        [
          graph(
            'Attempts',
            TASK_FUNCTIONS.map((name) => byName[name].metricInvocations({ ...sum, label: name })),
          ),
          graph(
            'Attempt duration, p95',
            TASK_FUNCTIONS.map((name) => byName[name].metricDuration({ statistic: 'p95', label: name })),
          ),
        ],
        [
          graph(
            'Failed attempts',
            perFunction((name) => byName[name].metricErrors({ ...sum, label: name })),
          ),
          graph('Throttled by Lambda', [
            ...perFunction((name) => byName[name].metricThrottles({ ...sum, label: name })),
            undelivered.metricApproximateNumberOfMessagesVisible({
              statistic: 'Maximum',
              label: 'undelivered events',
            }),
          ]),
        ],
      ],
    });
  }
}

const AT_LEAST_ONE = {
  threshold: 1,
  evaluationPeriods: 1,
  comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
  treatMissingData: TreatMissingData.NOT_BREACHING,
};

/** Periods of five minutes. A few throttled starts at the beginning of a stage are no reason for an alarm. */
const THROTTLED_PERIODS = 6;

function graph(title: string, left: Metric[]): GraphWidget {
  return new GraphWidget({ title, left, width: HALF, period: Duration.minutes(1) });
}
