/** The commands that work on this machine. The code of each is loaded when it is called. */
import { Option } from 'commander';
import { LIMITS, MiB } from '../../base/limits.ts';
import { QUIET, REDUCERS } from '../flags/common-options.ts';
import type { CommandSpec } from './command-spec.ts';

export const LOCAL_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'run',
    summary: 'run a job',
    description: 'Runs a job on files on this machine and writes its result to a folder.',
    usage: '<job> --input <path>... --output <folder> [options]',
    operands: [
      ['[job]', "an app's name (see mapreduce list), or the path of a job module (.ts, .js, .mjs, .cjs)"],
    ],
    options: [
      [
        '-i, --input <path...>',
        'files, folders and globs to read; name=path for each input of a job with several; .gz and .zst are decompressed',
      ],
      ['-o, --output <folder>', 'folder for the result; created if it does not exist'],
      new Option('-w, --workers <n>', 'number of worker threads (default: one per core)').conflicts(
        'sequential',
      ),
      ['--sequential', 'run one task at a time in one worker: slower, but easier to follow'],
      REDUCERS,
      [
        '--split-size <size>',
        `input bytes per map task: 4096, 64KiB, 64MiB, 1GiB (default: ${LIMITS.splitSizeBytesDefault / MiB}MiB, less for small inputs, more above 4GiB)`,
      ],
      [
        '--memory <size>',
        `memory for the buffers of one worker (default: ${LIMITS.memoryBytesDefault / MiB}MiB, less where the container or machine has less)`,
      ],
      ['--scratch <folder>', 'where tasks spill what exceeds their memory (default: in the output folder)'],
      ['--merge', 'merge the parts into one file, sorted by key'],
      ['--overwrite', 'replace results that the output folder already holds'],
      ['-s, --set <name=value...>', "set the job's parameters"],
      [
        '--attempts <n>',
        `attempts per task, including the first, before the job fails (default: ${LIMITS.attemptsMaxDefault})`,
      ],
      [
        '--stall-timeout <time>',
        `retry a task that makes no progress for this long: 500ms, 60s, 2m (default: ${LIMITS.stallTimeoutMsDefault / 1000}s)`,
      ],
      ['--no-backup', 'never start a second attempt of a slow task'],
      ['--report <file>', 'write the report as an HTML page (later: mapreduce report <folder>)'],
      [
        '--slowest',
        'print the ten slowest attempts and where their time went (later: mapreduce report <folder> --slowest)',
      ],
      [
        '--facts <file>',
        'write what each attempt did (JSON Lines, gzip), also if the job fails; a job that succeeds always has it in its output',
      ],
      ['--json', 'print the report as JSON, and nothing else, on stdout'],
      QUIET,
    ],
    examples: `Examples:
  mapreduce run word-count --input books/ --output out/words
  mapreduce run word-count --input a.txt b.txt.gz --output out/words --overwrite --set case=keep
  mapreduce run ./my-job.ts -i 'logs/**/*.log' -o out/mine --workers 8 --memory 1GiB --merge
  mapreduce run teravalidate -i generated=out/teragen -i sorted=out/terasort -o out/checked
  mapreduce run grep -i big.log -o out/hits --set pattern=ERROR --json | jq .counters

Exit code: 0 the job succeeded, 1 it failed, 2 the command or the job's definition is wrong, 130 stopped by Ctrl-C.`,
    takesPaths: true,
    load: async () => (await import('./run.ts')).runCommand,
  },
  {
    name: 'plan',
    summary: 'estimate what a job would take and cost on AWS, without running it',
    description:
      'Plans a job on files on this machine, or on input of a size, as a deployment with the default settings would. Prints its tasks, requests, time and cost as ranges, and the limit that it reaches first. Nothing runs and nothing is written. For objects of a bucket: mapreduce submit --dry-run.',
    usage: '<job> --input <path>... | --size <size> [options]',
    operands: [['[job]', "an app's name (see mapreduce list), or the path of a job module"]],
    options: [
      ['-i, --input <path...>', 'files, folders and globs; name=path for each input of a job with several'],
      ['--size <size>', 'size of input that does not exist: uncompressed files, such as 500GB, 1TB'],
      REDUCERS,
      ['--split-size <size>', 'input bytes per map task'],
      ['--merge', 'merge the parts into one object, sorted by key'],
      ['-s, --set <name=value...>', "set the job's parameters"],
      ['--task-memory <mb>', 'memory of the functions in MB (default: 1769)'],
      ['--max-concurrency <n>', 'tasks that run at once (default: 800)'],
      ['--region <region>', 'region whose prices and quotas count (default: us-east-1)'],
      ['--json', 'print the estimate as JSON'],
    ],
    examples: `Examples:
  mapreduce plan word-count --input books/
  mapreduce plan sort --size 1TB --region eu-central-1
  mapreduce submit word-count --input s3://my-bucket/data/logs/ --dry-run`,
    takesPaths: true,
    load: async () => (await import('./plan.ts')).planCommand,
  },
  {
    name: 'list',
    summary: 'list the apps that come with the package',
    description: 'Lists the jobs that come with the package, with their parameters.',
    operands: [],
    options: [],
    examples: 'Example:\n  mapreduce list',
    load: async () => (await import('./list.ts')).listCommand,
  },
  {
    name: 'describe',
    summary: 'show what a job does and its parameters, without running it',
    description: 'Loads a job, checks its definition, and shows what it does and its parameters.',
    operands: [['<job>', "an app's name, or the path of a job module"]],
    options: [],
    examples: 'Examples:\n  mapreduce describe word-count\n  mapreduce describe ./my-job.ts',
    takesPaths: true,
    load: async () => (await import('./describe.ts')).describeCommand,
  },
];
