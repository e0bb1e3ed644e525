/** The commands that work on a deployment on AWS, or on an emulator. The code of each is loaded when it is called. */
import { Option } from 'commander';
import { explained } from '../../aws/client/aws-errors.ts';
import { DEPLOYMENT_OPTIONS, QUIET, REDUCERS, STACK_OPTIONS, WAIT } from '../flags/common-options.ts';
import type { CommandAction, CommandSpec } from './command-spec.ts';

const JOB_EXAMPLE = 'word-count-20250131-142530-1f9a';
const JOB = ['<job>', 'id of the job, as submit prints it'] as const;

export const AWS_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'deploy',
    summary: 'deploy to AWS, or to an emulator on this machine',
    description:
      'Deploys the stack with the cdk that comes with the project, and bootstraps the account and region for cdk if that has not been done. Without --yes, cdk asks before it grants permissions.',
    operands: [],
    options: [
      ...STACK_OPTIONS,
      ['--jobs <module>', 'module that exports your apps (default: the apps of the package)'],
      [
        '-c, --context <name=value...>',
        'settings: taskMemoryMb, stepMemoryMb, taskTimeoutSeconds, scratchSizeMb, maxConcurrency, reservedConcurrency, maxTasksPerStage, childExecutions, backupAttempts, startOnUpload, readablePrefixes, intermediatesExpireAfterDays, jobsExpireAfterDays, logRetentionDays, removalPolicy',
      ],
      ['-y, --yes', 'do not ask for confirmation'],
      [
        '--replace',
        "remove deployed apps that the module does not export, or replace another project's stack",
      ],
      ['--verbose', "show cdk's output"],
      ['-q, --quiet', 'print the result and errors only'],
    ],
    examples: `Examples:
  mapreduce deploy
  mapreduce deploy --jobs ./my-apps.ts --context maxConcurrency=200 taskMemoryMb=3538
  npm run localstack        # in another terminal
  mapreduce deploy --local`,
    takesPaths: true,
    load: explaining(async () => (await import('./deploy.ts')).deployCommand),
  },
  {
    name: 'submit',
    summary: 'run an app on AWS',
    description:
      'Starts a job on AWS, on objects in the bucket or on files from this machine, which it uploads first.',
    usage: '<app> --input <path>... [options]',
    operands: [['[app]', 'name of a deployed app']],
    options: [
      ...DEPLOYMENT_OPTIONS,
      [
        '-i, --input <path...>',
        'files, folders and globs on this machine; or in the bucket s3://bucket/prefix/, a key or glob below data/, input/, output/; name=path for each input of an app with several',
      ],
      ['-o, --output <prefix>', 's3://bucket/output/<name>/ (default: output/<job id>/)'],
      REDUCERS,
      ['--split-size <size>', 'input bytes per map task: 64KiB, 64MiB, 1GiB'],
      ['--max-tasks <n>', 'refuse the job if it would have more map and reduce tasks together'],
      [
        '--max-dollars <dollars>',
        'refuse the job if it is likely to cost more: before it runs, and again before its reduce tasks run',
      ],
      ['--max-concurrency <n>', 'tasks that run at once, up to what the deployment allows (default: that)'],
      ['--merge', 'merge the parts into one object, sorted by key'],
      ['--overwrite', 'replace results that the output already holds'],
      ['-s, --set <name=value...>', "set the app's parameters"],
      ['--dry-run', 'print what the job would need, by the plan of the deployed code, and do not start it'],
      ['--job-id <id>', 'id of the job (default: made from the name of the app and the time)'],
      WAIT,
      ['--json', 'print the report (without --wait: the job) as JSON on stdout'],
      ['-q, --quiet', 'print nothing but errors; without --wait, the job id'],
    ],
    examples: `Examples:
  mapreduce submit word-count --input books/ --wait
  mapreduce submit word-count --input 's3://my-bucket/data/logs/*.gz' --reducers 64 --set case=keep
  mapreduce submit sort --input big.txt --output output/sorted/ --merge --wait --local

Exit code: 0 done (without --wait: submitted and planned), 1 the job failed, 2 the request or the set-up is wrong,
130 stopped by Ctrl-C (the job continues).`,
    takesPaths: true,
    load: explaining(async () => (await import('./submit.ts')).submitCommand),
  },
  {
    name: 'status',
    summary: 'show the progress of a job',
    description:
      'Shows the progress of a job: its phase, how many tasks have committed, how many attempts failed, and why the job failed.',
    operands: [JOB],
    options: [...DEPLOYMENT_OPTIONS, ['--json', 'print the status as JSON']],
    examples: exampleOf('status'),
    load: explaining(async () => (await import('./status.ts')).statusCommand),
  },
  {
    name: 'wait',
    summary: 'show progress until a job ends',
    description: 'Shows progress until the job ends, then its summary, or why it failed.',
    operands: [JOB],
    options: [
      ...DEPLOYMENT_OPTIONS,
      ['--json', 'print the report as JSON, and nothing else, on stdout'],
      QUIET,
    ],
    examples: exampleOf('wait'),
    load: explaining(async () => (await import('./wait.ts')).waitCommand),
  },
  {
    name: 'results',
    summary: 'show or download the results of a job',
    description:
      'Shows the results of a job that has succeeded, or downloads them and verifies their checksums.',
    operands: [JOB],
    options: [
      ...DEPLOYMENT_OPTIONS,
      ['-d, --download <folder>', 'write the parts, manifest.json, _report.html and _SUCCESS there'],
      ['--overwrite', 'replace results that the folder already holds'],
      ['--json', 'print the report as JSON'],
      QUIET,
    ],
    examples: exampleOf('results', ' --download out/words'),
    takesPaths: true,
    load: explaining(async () => (await import('./results.ts')).resultsCommand),
  },
  {
    name: 'report',
    summary: 'write an HTML report of a job: its stages, times and, on AWS, cost',
    description:
      'Writes an HTML report of a job that has succeeded. It shows the stages over time, the records and bytes of each, skew, counters, and why attempts failed; for a job on AWS also an estimate of its cost. The page needs no network and no scripts.',
    operands: [
      ['<what>', 'output folder or manifest.json of a run on this machine, or the id of a job on AWS'],
    ],
    options: [
      ...DEPLOYMENT_OPTIONS,
      ['-o, --output <file>', 'file to write (default: <job id>.html)'],
      new Option(
        '--slowest',
        'print the ten slowest attempts and where their time went, instead of writing a page; also of a job that runs, failed or was cancelled',
      ).conflicts('output'),
      QUIET,
    ],
    examples: `Examples:
  mapreduce report out/words
  mapreduce report ${JOB_EXAMPLE} --output words.html
  mapreduce report ${JOB_EXAMPLE} --slowest`,
    takesPaths: true,
    load: explaining(async () => (await import('./report.ts')).reportCommand),
  },
  {
    name: 'cancel',
    summary: 'stop a job',
    description:
      'Stops a running job. What its tasks have committed is kept for some days, so that redrive can resume it.',
    operands: [JOB],
    options: [...DEPLOYMENT_OPTIONS, QUIET],
    examples: exampleOf('cancel'),
    load: explaining(async () => (await import('./cancel.ts')).cancelCommand),
  },
  {
    name: 'redrive',
    summary: 'resume a job that failed or was cancelled',
    description:
      'Resumes a job that failed or was cancelled. Tasks that have committed do not run again. If other code was deployed since the job started, it is refused without --allow-other-code.',
    operands: [JOB],
    options: [
      ...DEPLOYMENT_OPTIONS,
      [
        '--allow-other-code',
        'run the tasks that are left with the deployed code, although the job started with other code',
      ],
      WAIT,
      ['--json', 'with --wait: print the report as JSON'],
      QUIET,
    ],
    examples: exampleOf('redrive', ' --wait'),
    load: explaining(async () => (await import('./redrive.ts')).redriveCommand),
  },
  {
    name: 'logs',
    summary: 'show what the functions logged about a job',
    description:
      'Shows what the functions and state machines of a deployment logged about a job, ordered by time.',
    operands: [JOB],
    options: [
      ...DEPLOYMENT_OPTIONS,
      ['--errors', 'warnings and errors only'],
      ['-n, --limit <lines>', 'print only the first lines, at most this many (default: 1000)'],
      ['--json', 'print the lines as they were logged'],
    ],
    examples: exampleOf('logs', ' --errors'),
    load: explaining(async () => (await import('./logs.ts')).logsCommand),
  },
  {
    name: 'invoke',
    summary: 'run one task of a job by hand, to debug it',
    description:
      "Runs one map or reduce task of a planned job in the deployed function, and shows what it read and wrote, its counters, the end of its log and, if it fails, the error of your code. Nothing is committed, and the job itself, whether running, failed or done, does not change. Reduce tasks need the job's shuffle, so the map stage must have ended and the job must not have succeeded.",
    operands: [JOB, ['<task>', 'm-00003 for a map task, r-00001 for a reduce task; m-3 also works']],
    options: [...DEPLOYMENT_OPTIONS, ['--json', 'print the result and the end of the log as JSON'], QUIET],
    examples: `Example:
  mapreduce invoke ${JOB_EXAMPLE} m-00003

Exit code: 0 the task succeeded, 1 it failed, 2 there is no such job or task.`,
    load: explaining(async () => (await import('./invoke.ts')).invokeCommand),
  },
  {
    name: 'jobs',
    summary: 'list the latest jobs',
    description: 'Lists the latest jobs of a deployment, newest first, however they were started.',
    operands: [],
    options: [
      ...DEPLOYMENT_OPTIONS,
      ['-n, --limit <jobs>', 'how many executions to examine (default: 20)'],
      ['--json', 'print the list as JSON'],
    ],
    examples: 'Example:\n  mapreduce jobs --limit 100',
    load: explaining(async () => (await import('./jobs.ts')).jobsCommand),
  },
];

function exampleOf(name: string, flags = ''): string {
  return `Example:\n  mapreduce ${name} ${JOB_EXAMPLE}${flags}`;
}

/** Turns errors of AWS and the store into messages that say what to do. */
function explaining(load: () => Promise<CommandAction>): () => Promise<CommandAction> {
  return async () => {
    const run = await load();
    return (...typed) => explained(() => run(...typed));
  };
}
