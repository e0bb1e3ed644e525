/** Compares the quotas in docs/limits.md with the constants of the model. test/lambdas/limits.test.ts has the figures of a job. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LAMBDA_FACTS, STEP_FUNCTIONS_FACTS } from '../../src/aws/model/facts.ts';
import { LIMITS, MiB } from '../../src/base/limits.ts';

const PAGE = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');
const SECTION = PAGE.slice(PAGE.indexOf('## Quotas that all jobs of an account share'));
const count = ({ value }: { readonly value: number }) => value.toLocaleString('en-US');

/** The cells of the row whose first cell starts like this. */
function row(start: string): readonly string[] {
  const line = SECTION.split('\n').find((candidate) => candidate.startsWith(`| ${start}`));
  return line?.split('|').map((cell) => cell.trim()) ?? [];
}

describe('the quotas in docs/limits.md', () => {
  const sfn = STEP_FUNCTIONS_FACTS;
  const lambda = LAMBDA_FACTS;

  it.each([
    ['**open Map Runs**', count(sfn.openMapRunsMax), count(sfn.openMapRunsMax)],
    [
      '**state transitions**',
      count(sfn.transitionsPerSecondLargeRegion),
      count(sfn.transitionsPerSecondElsewhere),
    ],
    [
      '**`StartExecution`**',
      `${count(sfn.startsPerSecondLargeRegion)}; ${count(sfn.startsBurstLargeRegion)}`,
      `${count(sfn.startsPerSecondElsewhere)}; ${count(sfn.startsBurstElsewhere)}`,
    ],
    [
      '**`DescribeExecution`**',
      count(sfn.describesPerSecondLargeRegion),
      count(sfn.describesPerSecondElsewhere),
    ],
    ['**`ListExecutions`**', count(sfn.listsPerSecondLargeRegion), count(sfn.listsPerSecondElsewhere)],
    [
      '**scale-up of Lambda**',
      `${count(lambda.scaleUpEnvironments)} environments in ${lambda.scaleUpSeconds.value} s`,
      'the same',
    ],
    ['**reserved concurrency**', `${count(lambda.unreservedConcurrencyMin)} remain unreserved`, 'the same'],
    [
      '**network of a function**',
      `${lambda.networkBurstBytes.value / MiB} MiB, then ${lambda.networkBytesPerSecond.value / MiB} MiB/s`,
      'the same',
    ],
  ])('%s is %s in large Regions and %s elsewhere', (name, large, elsewhere) => {
    expect(row(name).slice(2, 4)).toEqual([large, elsewhere]);
  });

  it('has what the code does about them', () => {
    expect(row('**open Map Runs**')[4]).toContain(`at most ${LIMITS.inlineTasksMax} tasks`);
    expect(row('starts of children')[4]).toContain(`${count(sfn.childStartsPerSecond)} per second`);
    expect(PAGE).toContain(
      `**concurrency of the account** [2]: ${count(lambda.accountConcurrency)} functions`,
    );
    expect(PAGE).toContain(`often ${count(lambda.accountConcurrencyNew)} in a new account`);
    expect(PAGE).toContain(`${count(lambda.memoryMbMaxNew)} MB for a function in new accounts`);
  });
});
