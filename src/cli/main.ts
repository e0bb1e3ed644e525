/** The command `mapreduce`: takes what was typed, and returns the exit code. */
import { writeSync } from 'node:fs';
import { errnoOf } from '../base/field-of.ts';
import { stdoutWritten, watchStandardStreams } from './display/standard-streams.ts';
import { EXIT_CODE, exitCodeOf } from './process/exit-code.ts';
import { isWorkingFolderGone, workingFolderGone } from './process/working-folder.ts';
import { createProgram } from './program.ts';

/** Sets the process's exit code and returns, so that pending writes complete. */
export async function main(args: readonly string[]): Promise<void> {
  let hasEnded = false;
  process.on('exit', (exitCode) => {
    if (hasEnded || exitCode !== EXIT_CODE.done) return;
    process.exitCode = EXIT_CODE.failed;
    lastWords('error: the process ended before the command was done\n');
  });
  process.exitCode = await runMain(args);
  hasEnded = true;
}

/** The same for a caller that has more to do. Called once per process. Never throws. */
export async function runMain(args: readonly string[]): Promise<number> {
  watchStandardStreams();
  // An error in a callback, which no await catches. The command cannot continue.
  process.on('uncaughtException', (error) =>
    printError(error, args).finally(() => process.exit(EXIT_CODE.failed)),
  );
  try {
    return await runCommand(args);
  } catch (thrown) {
    const error = isWorkingFolderGone(thrown) ? workingFolderGone(thrown) : thrown;
    await printError(error, args);
    return exitCodeOf(error);
  }
}

async function runCommand(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT_CODE.done;
  try {
    const program = await createProgram(args, (code) => {
      exitCode = code;
    });
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!isCommanderError(error)) throw error;
    // Commander has printed it. For help and version, it throws an error with exit code 0.
    exitCode = error.exitCode === 0 ? EXIT_CODE.done : EXIT_CODE.usage;
    if (errnoOf(error) === 'commander.unknownOption') await printElsewhere(error.message);
  }
  await stdoutWritten();
  return exitCode;
}

async function printElsewhere(message: string): Promise<void> {
  const { optionElsewhere } = await import('./commands/option-elsewhere.ts');
  const hint = optionElsewhere(message);
  if (hint !== undefined) (await import('./display/terminal.ts')).printToStderr(`${hint}\n`);
}

async function printError(error: unknown, args: readonly string[]): Promise<void> {
  try {
    await printExplained(error, args);
  } catch {
    // The installation is incomplete or being updated: a plain error is better than none.
    lastWords(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
}

async function printExplained(error: unknown, args: readonly string[]): Promise<void> {
  const [{ errorText }, { paintFor }, { PACKAGE_ROOT }, { printToStderr }] = await Promise.all([
    import('./display/error-text.ts'),
    import('./display/paint.ts'),
    import('./process/package-root.ts'),
    import('./display/terminal.ts'),
  ]);
  const job = args[0] === 'run' && args[1] !== undefined && !args[1].startsWith('-') ? { job: args[1] } : {};
  printToStderr(
    errorText(error, {
      paint: paintFor(process.stderr),
      packageRoot: PACKAGE_ROOT,
      debug: args.includes('--debug'),
      ...job,
    }),
  );
}

/** Writes before the process ends, whatever state it is in. */
function lastWords(text: string): void {
  try {
    writeSync(process.stderr.fd, text);
  } catch {
    // Stderr is closed.
  }
}

function isCommanderError(error: unknown): error is Error & { exitCode: number } {
  return error instanceof Error && 'exitCode' in error && errnoOf(error)?.startsWith('commander.') === true;
}
