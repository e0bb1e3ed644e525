/** `npm run model -- page`: writes the tables and the curves of docs/cost.md. test/docs/cost.test.ts compares them. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { npm } from '../npm.ts';
import { describeComparison } from './compared.ts';
import { charts } from './curves.ts';
import { describeFacts, describeIdlePrices, describePrices } from './facts-table.ts';
import { markdownOf } from './markdown.ts';
import { describeNextSteps } from './next-steps.ts';
import { describeGoals, describeTable, goals, tableRows } from './report.ts';
import { describeSensitivities, sensitivities } from './sensitivity.ts';
import { NOW } from './settings.ts';
import { describeSimulations } from './simulations-table.ts';
import { describeSmallUpload } from './small-upload.ts';
import { SORT, WORD_COUNT } from './workloads.ts';

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
export const PAGE = pathOf('docs/cost.md');
const CHARTS_FOLDER = pathOf('bench/charts');
const SENSITIVITIES_SHOWN = 5;

export function pictureOf(name: string): string {
  return pathOf(`docs/${name}.svg`);
}

/** The generated sections of the page by their names. Each stands between `<!-- name -->` and `<!-- /name -->`. */
export function sections(): Record<string, string> {
  const perWorkload = (describe: (workload: typeof SORT) => string) =>
    [WORD_COUNT, SORT].map((workload) => markdownOf(describe(workload))).join('\n\n');
  return {
    table: markdownOf(describeTable(tableRows())),
    simulations: describeSimulations(),
    goals: markdownOf(describeGoals(goals())),
    upload: markdownOf(describeSmallUpload()),
    sensitivity: perWorkload((workload) => {
      const found = sensitivities({ workload, settings: NOW, inputBytes: 1e12 });
      return describeSensitivities(`${workload.name}, 1 TB`, found.slice(0, SENSITIVITIES_SHOWN));
    }),
    next: perWorkload(describeNextSteps),
    comparison: describeComparison(),
    constants: describeFacts(),
    prices: describePrices(),
    idle: describeIdlePrices(),
  };
}

/** @throws Error for a section without its two comments */
export function withSections(page: string, all: Readonly<Record<string, string>>): string {
  return Object.entries(all).reduce((text, [name, content]) => {
    const [start, end] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`the page has no section ${start.trim()} ... ${end.trim()}`);
    return `${text.slice(0, from + start.length)}\n${content}\n${text.slice(to)}`;
  }, page);
}

export function writePage(): void {
  writeFileSync(PAGE, withSections(readFileSync(PAGE, 'utf8'), sections()));
  const all = charts();
  const pictures = JSON.parse(drawn(JSON.stringify(all))) as string[];
  for (const [index, { name }] of all.entries()) writeFileSync(pictureOf(name), `${pictures[index]}\n`);
}

/** Draws in a process of its own, by packages that are not dependencies of the project. */
function drawn(input: string): string {
  if (!existsSync(`${CHARTS_FOLDER}/node_modules`)) {
    process.stderr.write('installing Observable Plot into bench/charts (16 MiB) ...\n');
    const problem = npm(['ci', '--ignore-scripts'], CHARTS_FOLDER);
    if (problem !== undefined) throw new Error(problem);
  }
  return call(process.execPath, ['curves.js'], { input });
}

function call(command: string, args: string[], options: { input: string }): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: CHARTS_FOLDER,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    ...options,
  });
  if (status !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} in bench/charts failed: ${error?.message ?? stderr.trim()}`,
    );
  }
  return stdout;
}
