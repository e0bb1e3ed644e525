/**
 * Writes to stdout and stderr. Stdout is what the caller asked for, so a write that fails there is an error. What cannot be
 * written to stderr is dropped, so that a full disk below a log never fails a job.
 */
import { MapReduceError } from '../../base/errors.ts';
import { errorNameOfErrno, explainErrno } from '../../storage/file/file-errors.ts';

/** A write to stdout failed, for example because the device is full. */
export class OutputStreamError extends MapReduceError {
  constructor(cause: unknown) {
    super(errorNameOfErrno(cause), `cannot write to stdout: ${explainErrno(cause, STDOUT_REMEDIES)}`, {
      cause,
    });
  }
}

const STDOUT_REMEDIES = {
  ENOSPC: 'Free some space, or redirect stdout to a larger device.',
  EDQUOT: 'Free some space, or redirect stdout to a larger device.',
  EBADF: 'Redirect it to a file or a pipe.',
};

/** The error of the first write that failed. */
let failure: OutputStreamError | undefined;
/** Writes that have not completed yet. */
let pending = 0;
let onSettled: (() => void) | undefined;

/** Called once, before anything is written. */
export function watchStandardStreams(): void {
  // A stream without a listener would end the process; writes report their errors themselves.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/** stdoutWritten() reports whether the write succeeded. */
export function writeToStdout(text: string): void {
  pending++;
  process.stdout.write(text, (error) => {
    if (error && !isReaderGone(error)) failure ??= new OutputStreamError(error);
    if (--pending === 0) onSettled?.();
  });
}

/**
 * Resolves once all pending writes have ended.
 *
 * @throws OutputStreamError, once, if a write failed
 */
export async function stdoutWritten(): Promise<void> {
  if (pending > 0) {
    await new Promise<void>((resolve) => {
      onSettled = resolve;
    });
  }
  const failed = failure;
  failure = undefined;
  if (failed !== undefined) throw failed;
}

/** Ignores write errors, because there is no other place to report them. */
export function writeToStderr(text: string, stream: NodeJS.WriteStream = process.stderr): void {
  stream.write(text, () => {});
}

/** Whether the reader closed the pipe (`| head`), which is not a failure. */
function isReaderGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
}

/**
 * Runs `show`, which prints, after a command has done its work.
 *
 * @param done  a clause for the error message: 'the job succeeded, and its result is in out/'
 * @throws MapReduceError that says what was done before stdout failed
 */
export async function afterDone<T>(done: string, show: () => T | Promise<T>): Promise<T> {
  try {
    const shown = await show();
    await stdoutWritten();
    return shown;
  } catch (error) {
    if (!(error instanceof OutputStreamError)) throw error;
    throw new MapReduceError(error.name, `${done}; only what it prints is missing: ${error.message}`, {
      cause: error.cause,
    });
  }
}
