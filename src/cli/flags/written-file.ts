/** The files that commands write beside a result. None of them replaces a file of another kind. */
import { access, constants, open, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { gunzipSync, constants as zlib } from 'node:zlib';
import { MapReduceError } from '../../base/errors.ts';
import { isResultName } from '../../report/result-names.ts';

/** Whether a file that begins with these bytes is of this kind. */
const KINDS = {
  page: (head) => /^\s*<!doctype html>/i.test(head.toString('latin1')),
  'list of attempts': (head) => /^(\{"taskId":|$)/.test(gunzipped(head)),
} as const satisfies Record<string, (head: Buffer) => boolean>;

const HEAD_BYTES = 64 * 1024;

export interface WrittenFile {
  /** The flag that names the file. */
  readonly flag: string;
  readonly file: string;
  readonly kind: keyof typeof KINDS;
}

/**
 * Checked before the job runs, so that nobody waits an hour for a file that cannot be written.
 *
 * @param output  the output folder, which the run creates
 * @throws UsageError also for a file of the result, and as assertReplaceable()
 */
export async function assertMayBeWritten(written: WrittenFile, output: string): Promise<void> {
  const { flag, file } = written;
  if (file === '') throw usage(written, 'is empty');
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory()) throw usage(written, `is a folder, and ${flag} needs a file`);
  const folder = resolve(dirname(file));
  const isInOutput = folder === resolve(output);
  if (isInOutput && isResultName(basename(file)))
    throw usage(written, 'has the name of a file of the result');
  if (found === undefined && isInOutput) return;
  await access(found === undefined ? folder : file, constants.W_OK).catch(
    ({ code }: NodeJS.ErrnoException) => {
      throw usage(written, `cannot be written (${code})`);
    },
  );
  await assertReplaceable(written);
}

/** @throws UsageError for a file that exists, is not empty, and is of another kind, such as an input */
export async function assertReplaceable(written: WrittenFile): Promise<void> {
  const { file, kind } = written;
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile() || found.size === 0) return;
  const head = await headOf(file);
  if (head === undefined || !KINDS[kind](head))
    throw usage(written, `exists and is no ${kind}, so it is not replaced`);
}

function usage({ flag, file }: WrittenFile, problem: string): MapReduceError {
  return new MapReduceError('UsageError', `${flag} '${file}' ${problem}. Name a file in an existing folder`);
}

/** Undefined if the file cannot be read. */
async function headOf(file: string): Promise<Buffer | undefined> {
  try {
    await using handle = await open(file);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } catch {
    return undefined;
  }
}

/** The head may end in the middle of the compressed data. */
function gunzipped(head: Buffer): string {
  const options = { finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: 1024 * HEAD_BYTES };
  try {
    return gunzipSync(head, options).toString('latin1');
  } catch {
    return 'no gzip';
  }
}
