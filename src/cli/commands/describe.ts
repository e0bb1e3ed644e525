/** `mapreduce describe`: shows what a job does and its parameters, without running it. */
import { describeModule } from '../../local/run/describe-module.ts';
import { describedLines } from '../display/job-description.ts';
import { paintFor } from '../display/paint.ts';
import { print } from '../display/terminal.ts';
import { findJob } from '../flags/find-job.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

export async function describeCommand(name: string): Promise<number> {
  const job = await describeModule(findJob(name));
  print(`${describedLines(name, job, paintFor(process.stdout)).join('\n')}\n`);
  return EXIT_CODE.done;
}
