/**
 * How many tasks are running: the children of a Distributed Map, as Step Functions counts them, or the iterations of an inline
 * Map, according to the history of the execution. These calls are free.
 */
import { isMapReduceError } from '../../base/errors.ts';
import { callAws } from './aws-errors.ts';
import type { Deployment } from './deployment.ts';
import { executionHistory } from './execution-history.ts';

export class RunningTasks {
  readonly #deployment: Deployment;
  /** A caller who may submit may lack the permission to describe map runs. After a refusal, no further calls are made. */
  #isRefused = false;

  constructor(deployment: Deployment) {
    this.#deployment = deployment;
  }

  /** 0 if the caller lacks the permission. */
  async count(executionArn: string): Promise<number> {
    if (this.#isRefused) return 0;
    try {
      return await callAws({ action: 'states:DescribeMapRun', on: executionArn }, () =>
        this.#ask(executionArn),
      );
    } catch (error) {
      if (!isMapReduceError(error)) throw error;
      this.#isRefused = true;
      return 0;
    }
  }

  async #ask(executionArn: string): Promise<number> {
    const { sfn } = this.#deployment;
    const { DescribeMapRunCommand, ListMapRunsCommand } = await import('@aws-sdk/client-sfn');
    const { mapRuns = [] } = await sfn.send(new ListMapRunsCommand({ executionArn }));
    const running = mapRuns.filter(({ stopDate }) => stopDate === undefined);
    if (running.length === 0) {
      const { inlineRunning } = await executionHistory(this.#deployment, executionArn);
      return inlineRunning;
    }
    let count = 0;
    for (const { mapRunArn } of running) {
      const { itemCounts } = await sfn.send(new DescribeMapRunCommand({ mapRunArn }));
      count += itemCounts?.running ?? 0;
    }
    return count;
  }
}
