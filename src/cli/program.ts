/** The program `mapreduce`: its own flags and help, and the commands of the two tables. */
import { Command } from 'commander';
import { AWS_COMMANDS } from './commands/aws-commands.ts';
import { addCommand } from './commands/command-spec.ts';
import { LOCAL_COMMANDS } from './commands/local-commands.ts';
import { paintFor } from './display/paint.ts';
import { writeToStdout } from './display/standard-streams.ts';
import { printToStderr } from './display/terminal.ts';
import { packageVersion } from './process/package-root.ts';

/** @param finish  takes the exit code of the command that ran */
export function createProgram(finish: (exitCode: number) => void): Command {
  const program = new Command('mapreduce')
    .description('Runs MapReduce jobs on this machine and on AWS.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .option('--debug', 'also print where in mapreduce an error was raised')
    .helpOption('-h, --help', 'print help; after a command, about that command')
    .helpCommand('help [command]', 'print help about a command')
    .exitOverride()
    .configureHelp({ helpWidth: helpWidth(), styleTitle: (title) => paintFor(process.stdout)('bold', title) })
    .configureOutput({
      writeOut: writeToStdout,
      writeErr: printToStderr,
      outputError: (text, write) => write(text.replace(/^error:/, paintFor(process.stderr)('red', 'error:'))),
    })
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('See mapreduce --help');
  for (const spec of [...LOCAL_COMMANDS, ...AWS_COMMANDS]) addCommand(program, spec, finish);
  return program;
}

const EXAMPLES = `
Examples:
  mapreduce list
  mapreduce run word-count --input books/ --output out/words
  mapreduce run ./my-job.ts --input 'logs/*.gz' --output out/mine --set case=keep
  mapreduce run --help
  mapreduce deploy
  mapreduce submit word-count --input books/ --wait`;

function helpWidth(): number {
  return Math.max(60, Math.min(process.stdout.columns ?? 100, 110));
}
