/** `mapreduce run`: runs a job with the options of the flags, shows its progress, and prints a summary or report. */
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { thrownFields } from '../../base/thrown.ts';
import { keepCompiledCode } from '../../local/run/build-modules.ts';
import type { AttemptRow } from '../../report/attempt-rows.ts';
import type { JobEvent, JobReport } from '../../report/report.ts';
import { commandLine, shellWord } from '../display/command-line.ts';
import { paintFor, printableMessage, printableName } from '../display/paint.ts';
import { progressDisplay } from '../display/progress-display.ts';
import { shortPath } from '../display/short-path.ts';
import { afterDone } from '../display/standard-streams.ts';
import { print, printJson } from '../display/terminal.ts';
import { embeddedOptions, type RunFlags } from '../flags/run-flags.ts';
import { EXIT_CODE, exitCodeOfSignal } from '../process/exit-code.ts';
import { listenForInterrupt } from '../process/interrupt.ts';
import type { finishAttempts } from './run-attempts.ts';

/** @returns the exit code. Throws the error that the job failed with. */
export async function runCommand(job: string | undefined, flags: RunFlags): Promise<number> {
  const options = await embeddedOptions(job, flags);
  const { output } = options;
  const { json = false, quiet = false } = flags;
  const display = progressDisplay({
    stream: process.stderr,
    jobName: printableName(jobLabel(options.jobModule)),
    isQuiet: json || quiet,
    nowMs: () => performance.now(),
  });
  let hasSucceeded = false;
  const attempts: AttemptRow[] = [];
  const onEvent = (event: JobEvent) => {
    if ('row' in event && event.row !== undefined) attempts.push(event.row);
    if (event.kind !== 'notice') display.onEvent(event);
    else if (!quiet) display.print(`note: ${printableMessage(event.text)}\n`);
  };
  const interrupt = listenForInterrupt((by) =>
    display.print(`${by}: stopping the job; a second ${by} quits immediately\n`),
  );
  try {
    const { runEmbedded } = await import('../../local/run/embedded-run.ts');
    const report = await runEmbedded(
      { ...options, signal: interrupt.signal, onEvent },
      {
        onOutput: ({ text }) => display.print(text),
        onWait: (message) => display.print(`${printableMessage(message)}\n`),
      },
    );
    display.end();
    hasSucceeded = true;
    try {
      await afterDone(`the job succeeded, and its result is in ${shortPath(output)}`, async () => {
        if (json) printJson(report);
        else if (!quiet) await printSummary(report, output);
        await keepAttempts(attempts, flags, { hasSucceeded: true, startedAt: report.startedAt });
      });
    } finally {
      if (flags.report !== undefined) await writeReport(flags.report, report, output);
    }
    keepCompiledCode();
    const signal = interrupt.received();
    // The signal came too late to stop the job, but its exit code must still stop a calling script.
    return signal === undefined ? EXIT_CODE.done : exitCodeOfSignal(signal);
  } catch (error) {
    display.end();
    // A job that has not ended well has no other list of its attempts. Why it failed is more important than this one.
    if (!hasSucceeded) await keepAttempts(attempts, flags, { hasSucceeded }).catch(() => {});
    const signal = interrupt.received();
    if (signal === undefined || !isMapReduceError(error, 'CancelledError')) throw error;
    display.end();
    display.print(
      `stopped: ${printableMessage(`${error.message}; its partial output was removed from ${shortPath(output)}`)}\n`,
    );
    return exitCodeOfSignal(signal);
  } finally {
    display.end();
    interrupt.release();
  }
}

async function keepAttempts(...options: Parameters<typeof finishAttempts>): Promise<void> {
  const [, { slowest = false, facts }] = options;
  if (slowest || facts !== undefined) await (await import('./run-attempts.ts')).finishAttempts(...options);
}

/** Called last, so that the result is shown whether or not this succeeds. */
async function writeReport(file: string, report: JobReport, output: string): Promise<void> {
  const { writePage } = await import('./report.ts');
  try {
    await writePage(file, report);
  } catch (error) {
    throw new MapReduceError(
      'StorageError',
      `the job succeeded, and its result is in ${shortPath(output)}; only its report is missing: ${thrownFields(error).message} To write it elsewhere: ${commandLine(`report ${shellWord(shortPath(output))} --output <file>`)}`,
      { cause: error },
    );
  }
}

async function printSummary(report: JobReport, output: string) {
  const [{ summaryLines }, { firstLines }] = await Promise.all([
    import('../display/summary.ts'),
    import('../display/first-lines.ts'),
  ]);
  const lines = summaryLines(report, {
    output: shortPath(output),
    firstLines: await firstLines(output, report.parts),
    paint: paintFor(process.stdout),
  });
  print(`${lines.join('\n')}\n`);
}

/**
 * For the display before the job is loaded: the folder's name for apps/word-count/job.ts, the file's for ./words.ts.
 */
function jobLabel({ pathname }: URL): string {
  const [name = '', folder = ''] = decodeURIComponent(pathname).split('/').reverse();
  return (/^job\.\w+$/.test(name) ? folder : name.replace(/\.\w+$/, '')) || name;
}
