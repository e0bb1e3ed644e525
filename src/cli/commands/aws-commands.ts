/** The commands on AWS, their flags and their help. What they do is loaded when one of them is called. */
import type { Command } from 'commander';
import { explained } from '../../aws/client/aws-errors.ts';

export function addAwsCommands(program: Command, finish: (exitCode: number) => void): void {
  deployment(program.command('deploy'), { withNames: false })
    .summary('deploy to AWS, or to an emulator on this machine')
    .description(
      'Deploys the stack with the cdk that comes with the project, and prepares the account and region for cdk where that has not been done. Without --yes, cdk asks before it grants rights.',
    )
    .option('--jobs <module>', 'module that exports your apps (default: the apps of the package)')
    .option(
      '-c, --context <name=value...>',
      'settings: taskMemoryMb, stepMemoryMb, taskTimeoutSeconds, scratchSizeMb, maxConcurrency, maxTasksPerStage, childExecutions, backupAttempts, startOnUpload, readablePrefixes, intermediatesExpireAfterDays, jobsExpireAfterDays, logRetentionDays, removalPolicy',
    )
    .option('-y, --yes', 'do not ask')
    .option(
      '--replace',
      "remove deployed apps that the module does not export, or replace another project's stack",
    )
    .option('--verbose', 'show what cdk says')
    .option('-q, --quiet', 'print the result and errors only')
    .addHelpText(
      'after',
      `
Examples:
  mapreduce deploy
  mapreduce deploy --jobs ./my-apps.ts --context maxConcurrency=200 taskMemoryMb=3538
  npm run localstack        # in another terminal
  mapreduce deploy --local`,
    )
    .action(async (flags) => {
      const { deployCommand } = await import('./deploy.ts');
      finish(await explained(() => deployCommand(flags)));
    });

  deployment(program.command('submit'))
    .summary('run an app on AWS')
    .description(
      'Uploads files of this machine, or takes objects that are on the bucket, and starts a job on AWS.',
    )
    .usage('<app> --input <path>... [options]')
    .argument('[app]', 'name of a deployed app')
    .option(
      '-i, --input <path...>',
      'files, folders and globs of this machine; or on the bucket s3://bucket/prefix/, a key or glob below data/, input/, output/',
    )
    .option('-o, --output <prefix>', 's3://bucket/output/<name>/ (default: output/<job id>/)')
    .option('-r, --reducers <n>', 'reduce tasks, so parts of the result (default: by the size of the input)')
    .option('--split-size <size>', 'input of one map task: 64KiB, 64MiB, 1GiB')
    .option('--merge', 'merge the parts into one object, sorted by key')
    .option('--overwrite', 'replace results that the output already holds')
    .option('-s, --set <name=value...>', "set the app's parameters")
    .option('--job-id <id>', 'name of the job (default: made of the app and the time)')
    .option('-w, --wait', 'show progress and end when the job ends')
    .option('--json', 'print the report (without --wait: the job) as JSON on stdout')
    .option('-q, --quiet', 'print nothing but errors; without --wait, the job id')
    .addHelpText(
      'after',
      `
Examples:
  mapreduce submit word-count --input books/ --wait
  mapreduce submit word-count --input 's3://my-bucket/data/logs/*.gz' --reducers 64 --set case=keep
  mapreduce submit sort --input big.txt --output output/sorted/ --merge --wait --local

Exit code: 0 done (without --wait: submitted and planned), 1 the job failed, 2 the request or the set-up is wrong,
130 stopped by Ctrl-C (the job goes on).`,
    )
    .action(async (app, flags) => {
      const { submitCommand } = await import('./submit.ts');
      finish(await explained(() => submitCommand(app, flags)));
    });

  jobCommand(program, 'status', 'say where a job is')
    .description(
      'Says where a job is: its phase, the tasks that have committed, attempts that failed, and why it failed.',
    )
    .option('--json', 'print it as JSON')
    .action(async (job, flags) => {
      const { statusCommand } = await import('./job-commands.ts');
      finish(await explained(() => statusCommand(job, flags)));
    });

  jobCommand(program, 'wait', 'show progress until a job ends')
    .description('Shows progress until the job ends, then its summary, or why it failed.')
    .option('--json', 'print the report as JSON, and nothing else, on stdout')
    .option('-q, --quiet', 'print nothing but errors')
    .action(async (job, flags) => {
      const { waitCommand } = await import('./job-commands.ts');
      finish(await explained(() => waitCommand(job, flags)));
    });

  jobCommand(program, 'results', 'show or download the results of a job', ' --download out/words')
    .description(
      'Shows the results of a job that has ended well, or downloads them and compares their checksums.',
    )
    .option('-d, --download <folder>', 'write the parts, manifest.json, _report.html and _SUCCESS there')
    .option('--overwrite', 'replace results that the folder already holds')
    .option('--json', 'print the report as JSON')
    .option('-q, --quiet', 'print nothing but errors')
    .action(async (job, flags) => {
      const { resultsCommand } = await import('./job-commands.ts');
      finish(await explained(() => resultsCommand(job, flags)));
    });

  deployment(program.command('report'))
    .summary('make a page of what a job did, how long, and what it cost')
    .description(
      'Makes one HTML file, to be read in a browser, of a job that has ended well: its stages over time, records and bytes through each, skew, counters, attempts that failed and why; of a job on AWS also what it has cost, by estimate. It needs no network and no script.',
    )
    .argument('<what>', 'output folder or manifest.json of a run on this machine, or the id of a job on AWS')
    .option('-o, --output <file>', 'where the page goes (default: <job id>.html)')
    .option('-q, --quiet', 'print nothing but errors')
    .addHelpText(
      'after',
      `
Examples:
  mapreduce report out/words
  mapreduce report word-count-20250131-142530-1f9a --output words.html`,
    )
    .action(async (what, flags) => {
      const { reportCommand } = await import('./report.ts');
      finish(await explained(() => reportCommand(what, flags)));
    });

  jobCommand(program, 'cancel', 'stop a job')
    .description('Stops a job that runs. What has committed is kept for days, for a redrive.')
    .option('-q, --quiet', 'print nothing but errors')
    .action(async (job, flags) => {
      const { cancelCommand } = await import('./job-commands.ts');
      finish(await explained(() => cancelCommand(job, flags)));
    });

  jobCommand(program, 'redrive', 'go on with a job that failed or was cancelled', ' --wait')
    .description('Goes on with a job that failed or was cancelled, from what is committed.')
    .option('-w, --wait', 'show progress and end when the job ends')
    .option('--json', 'with --wait: print the report as JSON')
    .option('-q, --quiet', 'print nothing but errors')
    .action(async (job, flags) => {
      const { redriveCommand } = await import('./job-commands.ts');
      finish(await explained(() => redriveCommand(job, flags)));
    });

  jobCommand(program, 'logs', 'show what the functions logged about a job', ' --errors')
    .description(
      'Shows what the functions and state machines of a deployment logged about a job, in the order of time.',
    )
    .option('--errors', 'warnings and errors only')
    .option('-n, --limit <lines>', 'at most so many lines, the first (default: 1000)')
    .option('--json', 'print the lines as they were logged')
    .action(async (job, flags) => {
      const { logsCommand } = await import('./logs.ts');
      finish(await explained(() => logsCommand(job, flags)));
    });

  deployment(program.command('invoke'))
    .summary('run one task of a job by hand, to look into it')
    .description(
      "Runs one map or reduce task of a planned job in the deployed function, and shows what it read and wrote, its counters, the end of its log and, if it fails, the error of your code. Nothing is committed: the job, running, failed or done, is as it was. Reduce tasks need the job's shuffle, so the map stage must have ended and the job must not have ended well.",
    )
    .argument('<job>', 'id of the job, as submit prints it')
    .argument('<task>', 'm-00003 for a map task, r-00001 for a reduce task; m-3 will do')
    .option('--json', 'print the answer, with the end of the log, as JSON')
    .option('-q, --quiet', 'print nothing but errors')
    .addHelpText(
      'after',
      `
Example:
  mapreduce invoke word-count-20250131-142530-1f9a m-00003

Exit code: 0 the task ran to its end, 1 it failed, 2 there is no such job or task.`,
    )
    .action(async (job, task, flags) => {
      const { invokeCommand } = await import('./invoke.ts');
      finish(await explained(() => invokeCommand(job, task, flags)));
    });

  deployment(program.command('jobs'))
    .summary('list the latest jobs')
    .description('Lists the latest jobs of a deployment, newest first, however they were started.')
    .option('-n, --limit <jobs>', 'how many executions to look at (default: 20)')
    .option('--json', 'print them as JSON')
    .addHelpText('after', '\nExample:\n  mapreduce jobs --limit 100')
    .action(async (flags) => {
      const { jobsCommand } = await import('./jobs.ts');
      finish(await explained(() => jobsCommand(flags)));
    });
}

function jobCommand(program: Command, name: string, summary: string, example = ''): Command {
  return deployment(program.command(name))
    .summary(summary)
    .argument('<job>', 'id of the job, as submit prints it')
    .addHelpText('after', `\nExample:\n  mapreduce ${name} word-count-20250131-142530-1f9a${example}`);
}

/** Flags that say which deployment is meant. */
function deployment(command: Command, { withNames = true } = {}): Command {
  command
    .option('--stack <name>', 'name of the CloudFormation stack (default: $MAPREDUCE_STACK, or MapReduce)')
    .option('--local', 'the emulator at $AWS_ENDPOINT_URL, or at http://127.0.0.1:4566, in the place of AWS');
  if (!withNames) return command;
  return command
    .option('--bucket <name>', "instead of the stack's output ($MAPREDUCE_BUCKET)")
    .option('--state-machine <arn>', "instead of the stack's output ($MAPREDUCE_STATE_MACHINE)");
}
