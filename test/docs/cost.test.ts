/** Compares docs/cost.md with the model. `npm run model -- page` writes its tables and pictures. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OTHER_PRICES } from '../../bench/model/compared.ts';
import { charts } from '../../bench/model/curves.ts';
import { PAGE, pictureOf, sections, withSections } from '../../bench/model/page.ts';
import { DEPLOYMENT } from '../../bench/model/settings.ts';
import { modelled } from '../../bench/simulate/figures.ts';
import { savedRows, WORKLOADS, type WorkloadName } from '../../bench/simulate/results.ts';
import { LAMBDA_FACTS, STEP_FUNCTIONS_FACTS } from '../../src/aws/model/facts.ts';
import { LIMITS } from '../../src/base/limits.ts';

const page = readFileSync(PAGE, 'utf8');
const text = page.replaceAll(/\s+/g, ' ');
const grouped = (count: number) => count.toLocaleString('en-US');
// The cast: Object.keys() forgets the names.
const JOBS = Object.keys(WORKLOADS) as WorkloadName[];
const COMPARED = ['reads', 'writes', 'seconds', 'gbSeconds', 'transitions', 'dollars'] as const;

describe('docs/cost.md', () => {
  it.each(Object.entries(sections()))('has the section %s as the code computes it', (name, content) => {
    expect(withSections(page, { [name]: content }), 'run `npm run model -- page`').toBe(page);
  });

  it.each(charts())('shows the picture $name with the curves of the code', ({ name, lines, title }) => {
    const picture = readFileSync(pictureOf(name), 'utf8');
    const [, description = ''] = /<desc>(.*?)<\/desc>/s.exec(picture) ?? [];

    expect(JSON.parse(description), 'run `npm run model -- page`').toEqual(lines);
    expect(page).toContain(`![${title}](${name}.svg)`);
    expect(Buffer.byteLength(picture)).toBeLessThan(32 * 1_024);
  });

  it.each(JOBS)('has simulations of %s at three sizes or more', (name) => {
    expect(savedRows().filter(({ job }) => job === name).length).toBeGreaterThanOrEqual(3);
  });

  it.each(savedRows())('has a model that agrees to 10 % with the simulation: $job, $inputBytes B', (row) => {
    const model = modelled({ workload: WORKLOADS[row.job], inputBytes: row.inputBytes });
    const apart = COMPARED.filter((figure) => Math.abs(row[figure] / model[figure] - 1) > 0.1);

    expect(row.tasks).toBe(model.tasks);
    expect(row.failedAttempts).toBe(0);
    expect(apart, 'run `npm run simulate -- --save` again, or mend the model').toEqual([]);
  });

  it('has the figures of the code in its text', () => {
    const { mapRunStartSeconds, mapRunEndSeconds } = STEP_FUNCTIONS_FACTS;
    const { glueDpuHour, athenaTb, emrServerlessVcpuHour, emrServerlessGbHour } = OTHER_PRICES;

    for (const expected of [
      `functions of ${grouped(DEPLOYMENT.taskMemoryMb)} MB, at most ${DEPLOYMENT.maxConcurrency} at once`,
      `in one stage; ${grouped(LIMITS.awsTasksPerStageDefault)} by default`,
      `at most ${grouped(LIMITS.tasksPerStageMax)} map tasks, and at most ${grouped(LIMITS.awsTasksPerStageDefault)} unless`,
      `at most ${LIMITS.inlineTasksMax} tasks and run in inline Maps`,
      `about ${mapRunStartSeconds.value + mapRunEndSeconds.value} s to start and to end`,
      `${Math.round((LAMBDA_FACTS.stragglerFactor.value - 1) * 100)} % for stragglers`,
      `$${glueDpuHour} for each hour of a DPU`,
      `$${athenaTb} for each TB scanned`,
      `$${emrServerlessVcpuHour} for each vCPU hour, $${emrServerlessGbHour} for each GB hour`,
    ]) {
      expect(text).toContain(expected);
    }
  });
});
