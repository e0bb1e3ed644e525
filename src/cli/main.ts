/** The command `mapreduce`: what is typed in, the exit code out. */
import { writeSync } from 'node:fs';
import { stdoutWritten, watchStandardStreams } from './display/standard-streams.ts';
import { EXIT_CODE, exitCodeOf } from './process/exit-code.ts';
import { isWorkingFolderGone, workingFolderGone } from './process/working-folder.ts';
import { createProgram } from './program.ts';

/** Sets the process's exit code and returns: what is still to be written is written. */
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

/** The same, for a caller that goes on. Called once a process. Never throws. */
export async function runMain(args: readonly string[]): Promise<number> {
  watchStandardStreams();
  // What escapes all that awaits it: a callback's error. There is nothing to go on with.
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
    await createProgram((code) => {
      exitCode = code;
    }).parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!isCommanderError(error)) throw error;
    // Commander has printed it; help and version come this way too, with exit code 0.
    exitCode = error.exitCode === 0 ? EXIT_CODE.done : EXIT_CODE.usage;
  }
  await stdoutWritten();
  return exitCode;
}

async function printError(error: unknown, args: readonly string[]): Promise<void> {
  try {
    await printExplained(error, args);
  } catch {
    // Where the command itself is incomplete, or is being updated, the error as it is says more than none.
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

/** Before the process ends, in whatever state it is. */
function lastWords(text: string): void {
  try {
    writeSync(process.stderr.fd, text);
  } catch {
    // Nobody is there to read it.
  }
}

function isCommanderError(error: unknown): error is { exitCode: number } {
  return (
    error instanceof Error &&
    'exitCode' in error &&
    String((error as { code?: unknown }).code).startsWith('commander.')
  );
}
