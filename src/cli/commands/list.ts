/** `mapreduce list`: lists the apps of the package and their parameters. */
import { loadJob } from '../../local/run/load-job.ts';
import { commandLine } from '../display/command-line.ts';
import { listedLines } from '../display/job-description.ts';
import { paintFor } from '../display/paint.ts';
import { print } from '../display/terminal.ts';
import { appNames } from '../flags/apps.ts';
import { findJob } from '../flags/find-job.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

export async function listCommand(): Promise<number> {
  const paint = paintFor(process.stdout);
  const jobs = await Promise.all(
    // Unlike a user's module, the package's own apps may be loaded in this process.
    appNames().map(async (name) => ({ name, job: (await loadJob(findJob(name))).description })),
  );
  const lines = jobs.flatMap(({ name, job }) => [...listedLines(name, job, paint), '']);
  print(`${[...lines, `For details: ${commandLine('describe <app>')}`].join('\n')}\n`);
  return EXIT_CODE.done;
}
