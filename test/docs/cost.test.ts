/** Compares docs/cost.md with the model. `npm run model -- page` writes its tables and pictures. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OTHER_PRICES } from '../../bench/model/compared.ts';
import { charts } from '../../bench/model/curves.ts';
import { PAGE, pictureOf, sections, withSections } from '../../bench/model/page.ts';
import { dollars } from '../../bench/model/report.ts';
import { DEPLOYMENT } from '../../bench/model/settings.ts';
import { SORT, WORD_COUNT } from '../../bench/model/workloads.ts';
import { modelled } from '../../bench/simulate/run.ts';
import { LAMBDA_FACTS, STEP_FUNCTIONS_FACTS } from '../../src/aws/model/facts.ts';
import { GiB, LIMITS } from '../../src/base/limits.ts';

const page = readFileSync(PAGE, 'utf8');
const text = page.replaceAll(/\s+/g, ' ');
const grouped = (count: number) => count.toLocaleString('en-US');

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

  it('has a simulation beside the model at three sizes of each job, which agree to 10 %', () => {
    const row =
      /^\| (word count|sort) \| ([\d.]+) GiB \| simulation \| (.*) \|\n\| {2}\| {2}\| model \| (.*) \|$/gm;
    const rows = [...page.matchAll(row)];
    const numbers = (cells: string) => cells.split('|').map((cell) => Number(cell.replaceAll(/[ ,$]/g, '')));

    expect(rows.length).toBeGreaterThanOrEqual(6);
    for (const [, job, gib, simulated = '', found = ''] of rows) {
      const workload = job === 'sort' ? SORT : WORD_COUNT;
      const figures = modelled({ workload, inputBytes: Number(gib) * GiB });
      const model = numbers(found);
      expect([model[0], model[1], model[5], model[6]], 'the row of the model').toEqual([
        Math.round(figures.reads),
        Math.round(figures.writes),
        Number(figures.seconds.toFixed(1)),
        Math.round(figures.gbSeconds),
      ]);
      expect(found).toContain(dollars(figures.dollars));
      // Reads, writes, seconds, GB-seconds, dollars.
      for (const column of [0, 1, 5, 6, 7]) {
        expect(Math.abs(numbers(simulated)[column]! / model[column]! - 1), `${job}, ${gib} GiB`).toBeLessThan(
          0.1,
        );
      }
    }
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
