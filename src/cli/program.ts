/** The commands, their flags and their help. */
import { Command, Option } from 'commander';
import { LIMITS, MiB } from '../base/limits.ts';
import { addAwsCommands } from './commands/aws-commands.ts';
import { paintFor } from './display/paint.ts';
import { writeToStdout } from './display/standard-streams.ts';
import { printToStderr } from './display/terminal.ts';
import type { RunFlags } from './flags/run-flags.ts';
import { packageVersion } from './process/package-root.ts';
import { assertWorkingFolder } from './process/working-folder.ts';

/** @param finish  takes the exit code of the command that ran */
export function createProgram(finish: (exitCode: number) => void): Command {
  const program = new Command('mapreduce')
    .description('Runs MapReduce jobs on this machine and on AWS.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .option('--debug', 'with an error, print where in mapreduce it came from')
    .helpOption('-h, --help', 'print help; after a command, about that command')
    .helpCommand('help [command]', 'print help about a command')
    .exitOverride()
    .configureHelp({ helpWidth: helpWidth(), styleTitle: (title) => paintFor(process.stdout)('bold', title) })
    .configureOutput({
      writeOut: writeToStdout,
      writeErr: printToStderr,
      outputError: (text, write) => write(text.replace(/^error:/, paintFor(process.stderr)('red', 'error:'))),
    })
    .addHelpText(
      'after',
      `
Examples:
  mapreduce list
  mapreduce run word-count --input books/ --output out/words
  mapreduce run ./my-job.ts --input 'logs/*.gz' --output out/mine --set case=keep
  mapreduce run --help
  mapreduce deploy
  mapreduce submit word-count --input books/ --wait`,
    );

  const run = program
    .command('run')
    .summary('run a job')
    .description('Runs a job over files of this machine and writes its result to a folder.')
    .usage('<job> --input <path>... --output <folder> [options]')
    .argument(
      '[job]',
      "an app's name (see mapreduce list), or the path of a job module (.ts, .js, .mjs, .cjs)",
    )
    .option('-i, --input <path...>', 'files, folders and globs to read; .gz and .zst are decompressed')
    .option('-o, --output <folder>', 'where the result goes; made if it is not there')
    .addOption(
      new Option('-w, --workers <n>', 'worker threads (default: one a core)').conflicts('sequential'),
    )
    .option('--sequential', 'one worker, one task after the other: slower, and easy to follow')
    .option('-r, --reducers <n>', 'reduce tasks, so parts of the result (default: by the size of the input)')
    .option(
      '--split-size <size>',
      `input of one map task: 4096, 64KiB, 64MiB, 1GiB (default: ${LIMITS.splitSizeBytesDefault / MiB}MiB, less for small inputs)`,
    )
    .option(
      '--memory <size>',
      `budget of one worker (default: ${LIMITS.memoryBytesDefault / MiB}MiB, less where the container or machine has less)`,
    )
    .option(
      '--scratch <folder>',
      'where tasks spill what exceeds their memory (default: in the output folder)',
    )
    .option('--merge', 'merge the parts into one file, sorted by key')
    .option('--overwrite', 'replace results that the output folder already holds')
    .option('-s, --set <name=value...>', "set the job's parameters")
    .option(
      '--attempts <n>',
      `attempts of a task before the job fails, the first counted (default: ${LIMITS.attemptsMaxDefault})`,
    )
    .option(
      '--stall-timeout <time>',
      `a task without progress for this long is tried anew: 500ms, 60s, 2m (default: ${LIMITS.stallTimeoutMsDefault / 1000}s)`,
    )
    .option('--no-backup', 'no second attempts for tasks that are slow')
    .option('--report <file>', 'write the report as an HTML page (later: mapreduce report <folder>)')
    .option('--json', 'print the report as JSON, and nothing else, on stdout')
    .option('-q, --quiet', 'print nothing but errors')
    .addHelpText(
      'after',
      `
Examples:
  mapreduce run word-count --input books/ --output out/words
  mapreduce run word-count --input a.txt b.txt.gz --output out/words --overwrite --set case=keep
  mapreduce run ./my-job.ts -i 'logs/**/*.log' -o out/mine --workers 8 --memory 1GiB --merge
  mapreduce run grep -i big.log -o out/hits --set pattern=ERROR --json | jq .counters

Exit code: 0 done, 1 the job failed, 2 the command or the job's definition is wrong, 130 stopped by Ctrl-C.`,
    );
  run.action(async (job: string | undefined, flags: RunFlags) => {
    const { runCommand } = await import('./commands/run.ts');
    finish(await runCommand(job, flags));
  });

  program
    .command('list')
    .summary('list the apps that come with the package')
    .description('Lists the jobs that come with the package, with their parameters.')
    .addHelpText('after', '\nExample:\n  mapreduce list')
    .action(async () => {
      const { listCommand } = await import('./commands/describe.ts');
      finish(await listCommand());
    });

  program
    .command('describe')
    .summary('say what a job does and takes, without running it')
    .description('Loads a job, checks its definition and says what it does and takes.')
    .argument('<job>', "an app's name, or the path of a job module")
    .addHelpText('after', '\nExamples:\n  mapreduce describe word-count\n  mapreduce describe ./my-job.ts')
    .action(async (job: string) => {
      const { describeCommand } = await import('./commands/describe.ts');
      finish(await describeCommand(job));
    });

  addAwsCommands(program, finish);

  program.hook('preAction', (_, command) => {
    if (TAKES_PATHS.has(command.name())) assertWorkingFolder();
  });
  for (const command of program.commands) {
    command.showHelpAfterError(`See mapreduce ${command.name()} --help`);
  }
  program.showHelpAfterError('See mapreduce --help');
  return program;
}

/** Commands whose paths are relative to the working folder; the others do without one. */
const TAKES_PATHS: ReadonlySet<string> = new Set([
  'run',
  'describe',
  'deploy',
  'submit',
  'results',
  'report',
]);

function helpWidth(): number {
  return Math.max(60, Math.min(process.stdout.columns ?? 100, 110));
}
