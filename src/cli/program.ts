/** The program `mapreduce`: its own flags and help, and the commands of the two tables. */
import { Command, CommanderError } from 'commander';
import { addCommand, type CommandSpec } from './commands/command-spec.ts';
import { LOCAL_COMMANDS } from './commands/local-commands.ts';
import { paintFor } from './display/paint.ts';
import { writeToStdout } from './display/standard-streams.ts';
import { printToStderr } from './display/terminal.ts';
import { packageVersion } from './process/package-root.ts';

/**
 * @param args  what was typed; only the command that they name is set up, because all of them take milliseconds
 * @param finish  takes the exit code of the command that ran
 */
export async function createProgram(
  args: readonly string[],
  finish: (exitCode: number) => void,
): Promise<Command> {
  const program = new Command('mapreduce')
    .description('Runs MapReduce jobs on this machine and on AWS.')
    .option('-V, --version', 'print the version')
    .on('option:version', printVersion)
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
  for (const spec of await neededCommands(args[0])) addCommand(program, spec, finish);
  return program;
}

/** Returns the named command, or all of them if none is named: for help, and to suggest the nearest name. */
async function neededCommands(name: string | undefined): Promise<readonly CommandSpec[]> {
  const isNamed = (spec: CommandSpec) => spec.name === name;
  const local = LOCAL_COMMANDS.filter(isNamed);
  if (local.length > 0) return local;
  const { AWS_COMMANDS } = await import('./commands/aws-commands.ts');
  const onAws = AWS_COMMANDS.filter(isNamed);
  return onAws.length > 0 ? onAws : [...LOCAL_COMMANDS, ...AWS_COMMANDS];
}

/** Reads the version only when it is asked for. */
function printVersion(): never {
  const version = packageVersion();
  writeToStdout(`${version}\n`);
  throw new CommanderError(0, 'commander.version', version);
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
