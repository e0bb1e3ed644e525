/**
 * `mapreduce report`: writes the HTML report of a job, from the manifest of a local folder, or of a job on AWS with its cost;
 * or prints its slowest attempts.
 */
import { constants, existsSync } from 'node:fs';
import { open, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { parseManifest } from '../../report/manifest.ts';
import { type ReportCost, reportPage } from '../../report/page/page.ts';
import type { JobReport } from '../../report/report.ts';
import { MANIFEST_NAME } from '../../report/result-names.ts';
import { errorNameOfErrno, explainErrno } from '../../storage/file/file-errors.ts';
import { printableName } from '../display/paint.ts';
import { shortPath } from '../display/short-path.ts';
import { afterDone } from '../display/standard-streams.ts';
import { print } from '../display/terminal.ts';
import type { DeploymentFlags } from '../flags/deployment-flags.ts';
import { assertLocalPath } from '../flags/local-path.ts';
import { assertReplaceable } from '../flags/written-file.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

export interface ReportFlags extends DeploymentFlags {
  readonly output?: string;
  readonly slowest?: boolean;
  readonly quiet?: boolean;
}

export async function reportCommand(what: string, flags: ReportFlags): Promise<number> {
  if (flags.output !== undefined) assertLocalPath('--output', flags.output);
  if (flags.slowest) {
    const { attemptsOfFolder, attemptsOfJob, printSlowest } = await import('./slowest.ts');
    return await printSlowest(
      await (looksLikePath(what) ? attemptsOfFolder(what) : attemptsOfJob(what, flags)),
    );
  }
  const { report, cost } = await (looksLikePath(what) ? ofFolder(what) : ofJob(what, flags));
  const file = flags.output ?? `${report.jobId}.html`;
  await assertReplaceable({ flag: '--output', file, kind: 'page' });
  await writePage(file, report, cost);
  if (!flags.quiet)
    await afterDone(`the report is in ${shortPath(file)}`, () =>
      print(`${printableName(shortPath(file))}\n`),
    );
  return EXIT_CODE.done;
}

/** @throws UsageError or DiskFullError when the file cannot be written */
export async function writePage(file: string, report: JobReport, cost?: ReportCost): Promise<void> {
  try {
    await writeWhole(file, reportPage(report, { cost }));
  } catch (error) {
    throw new MapReduceError(
      errorNameOfErrno(error) === 'DiskFullError' ? 'DiskFullError' : 'UsageError',
      `the report cannot be written to ${file}: ${explainErrno(error, REPORT_REMEDIES)}`,
      { cause: error },
    );
  }
}

/** Removes a new file if writing it fails. */
async function writeWhole(file: string, text: string): Promise<void> {
  const created = await open(file, 'wx').catch((error: unknown) => {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return undefined;
  });
  if (created === undefined) {
    await writeFile(file, text);
    return;
  }
  try {
    await using handle = created;
    await handle.writeFile(text);
  } catch (error) {
    await unlink(file).catch(() => {});
    throw error;
  }
}

const REPORT_REMEDIES = {
  ENOENT: 'Name a file in a folder that exists.',
  ENOSPC: 'Free some space, or name a file on a larger device.',
  EDQUOT: 'Free some space, or name a file on a larger device.',
};

/** A folder that merely has the name of a job does not hold its results; it is more likely its input. */
function looksLikePath(what: string): boolean {
  return /[/\\]|\.json$|\.gz$/.test(what) || existsSync(join(what, MANIFEST_NAME));
}

async function ofFolder(path: string): Promise<{ report: JobReport; cost?: ReportCost }> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  const file = isFolder ? join(path, MANIFEST_NAME) : path;
  try {
    // A file that the user names may be a pipe.
    const text = isFolder ? await textOfFile(file) : await readFile(file, 'utf8');
    return { report: parseManifest(text, file) };
  } catch (error) {
    const why = errnoOf(error);
    if (why === undefined) throw error;
    throw notReadable(file, why === 'ENOENT' ? 'does not exist' : `cannot be read (${why})`, error);
  }
}

/** If the file is a pipe, does not wait for a writer. */
async function textOfFile(path: string): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (!(await file.stat()).isFile()) throw notReadable(path, 'is not a file');
  return await file.readFile('utf8');
}

function notReadable(file: string, why: string, cause?: unknown): MapReduceError {
  return new MapReduceError(
    'UsageError',
    `${file} ${why}. Name the output folder of a job that has succeeded, its ${MANIFEST_NAME}, or the id of a job on AWS`,
    { cause },
  );
}

async function ofJob(id: string, flags: ReportFlags): Promise<{ report: JobReport; cost?: ReportCost }> {
  const [{ assertSucceeded, readReport }, { estimatedCost }, { costText }] = await Promise.all([
    import('../../aws/client/job-outcome.ts'),
    import('../../aws/client/estimated-cost.ts'),
    import('../display/cost-text.ts'),
  ]);
  const { deployment, status } = await findJob(id, flags);
  await assertSucceeded(deployment, status);
  const { report } = await readReport(deployment, status);
  return { report, cost: costText(await estimatedCost(deployment, status, report)) };
}

/** @throws UsageError that mentions this machine as well, because the user may have meant a folder */
async function findJob(id: string, flags: ReportFlags) {
  const { connectToJob } = await import('../flags/deployment-flags.ts');
  try {
    return await connectToJob(id, flags);
  } catch (error) {
    if (!isMapReduceError(error, 'UsageError')) throw error;
    throw new MapReduceError(
      'UsageError',
      `there is no ${join(id, MANIFEST_NAME)} here, so '${id}' is taken for a job on AWS: ${error.message}`,
      { cause: error },
    );
  }
}
