/** `npm run model`: see bench/README.md. */
import { Command } from 'commander';
import { describeNextSteps } from './next-steps.ts';
import { writePage } from './page.ts';
import { describeGoals, describeTable, goals, tableRows } from './report.ts';
import { describeSensitivities, sensitivities } from './sensitivity.ts';
import { NOW } from './settings.ts';
import { SORT, WORD_COUNT } from './workloads.ts';

const SHOWN = 5;

const program = new Command('npm run model --').description(
  'Prints what jobs would take and cost on AWS, by the model in src/aws/model. Nothing runs.',
);
program
  .command('table', { isDefault: true })
  .description('word count and sort at five sizes, an earlier build beside this one; and the goals')
  .option('--json', 'print the rows as JSON')
  .action(({ json }: { json?: true }) => {
    const rows = tableRows();
    if (json)
      console.log(JSON.stringify(rows.map(({ settings, ...row }) => ({ build: settings.name, ...row }))));
    else console.log(`${describeTable(rows)}\n\n${describeGoals(goals())}`);
  });
program
  .command('sensitivity')
  .description('the constants of AWS that matter most, for jobs of 1 TB')
  .action(() => {
    for (const workload of [WORD_COUNT, SORT]) {
      const found = sensitivities({ workload, settings: NOW, inputBytes: 1e12 });
      console.log(`${describeSensitivities(`${workload.name}, 1 TB`, found.slice(0, SHOWN))}\n`);
    }
  });
program
  .command('next')
  .description('what changes of the engine would bring')
  .action(() => {
    for (const workload of [WORD_COUNT, SORT]) console.log(`${describeNextSteps(workload)}\n`);
  });
program
  .command('page')
  .description('writes the tables and the curves of docs/cost.md')
  .action(() => writePage());
await program.parseAsync();
