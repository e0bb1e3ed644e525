/** The commands that work on this machine. The code of each is loaded when it is called. */
import { Option } from 'commander';
import { LIMITS, MiB } from '../../base/limits.ts';
import { QUIET, REDUCERS } from '../flags/common-options.ts';
import type { CommandSpec } from './command-spec.ts';

export const LOCAL_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'run',
    summary: 'run a job',
    description: 'Runs a job over files of this machine and writes its result to a folder.',
    usage: '<job> --input <path>... --output <folder> [options]',
    operands: [
      ['[job]', "an app's name (see mapreduce list), or the path of a job module (.ts, .js, .mjs, .cjs)"],
    ],
    options: [
      ['-i, --input <path...>', 'files, folders and globs to read; .gz and .zst are decompressed'],
      ['-o, --output <folder>', 'where the result goes; created if it does not exist'],
      new Option('-w, --workers <n>', 'worker threads (default: one per core)').conflicts('sequential'),
      ['--sequential', 'one worker, one task after the other: slower, and easy to follow'],
      REDUCERS,
      [
        '--split-size <size>',
        `input of one map task: 4096, 64KiB, 64MiB, 1GiB (default: ${LIMITS.splitSizeBytesDefault / MiB}MiB, less for small inputs)`,
      ],
      [
        '--memory <size>',
        `budget of one worker (default: ${LIMITS.memoryBytesDefault / MiB}MiB, less where the container or machine has less)`,
      ],
      ['--scratch <folder>', 'where tasks spill what exceeds their memory (default: in the output folder)'],
      ['--merge', 'merge the parts into one file, sorted by key'],
      ['--overwrite', 'replace results that the output folder already holds'],
      ['-s, --set <name=value...>', "set the job's parameters"],
      [
        '--attempts <n>',
        `attempts per task before the job fails, the first included (default: ${LIMITS.attemptsMaxDefault})`,
      ],
      [
        '--stall-timeout <time>',
        `a task without progress for this long is retried: 500ms, 60s, 2m (default: ${LIMITS.stallTimeoutMsDefault / 1000}s)`,
      ],
      ['--no-backup', 'no second attempts for tasks that are slow'],
      ['--report <file>', 'write the report as an HTML page (later: mapreduce report <folder>)'],
      ['--json', 'print the report as JSON, and nothing else, on stdout'],
      QUIET,
    ],
    examples: `Examples:
  mapreduce run word-count --input books/ --output out/words
  mapreduce run word-count --input a.txt b.txt.gz --output out/words --overwrite --set case=keep
  mapreduce run ./my-job.ts -i 'logs/**/*.log' -o out/mine --workers 8 --memory 1GiB --merge
  mapreduce run grep -i big.log -o out/hits --set pattern=ERROR --json | jq .counters

Exit code: 0 done, 1 the job failed, 2 the command or the job's definition is wrong, 130 stopped by Ctrl-C.`,
    takesPaths: true,
    load: async () => (await import('./run.ts')).runCommand,
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
    summary: 'say what a job does and takes, without running it',
    description: 'Loads a job, checks its definition and says what it does and takes.',
    operands: [['<job>', "an app's name, or the path of a job module"]],
    options: [],
    examples: 'Examples:\n  mapreduce describe word-count\n  mapreduce describe ./my-job.ts',
    takesPaths: true,
    load: async () => (await import('./describe.ts')).describeCommand,
  },
];
