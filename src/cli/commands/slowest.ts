/** `mapreduce report --slowest`: the slowest attempts of a run on this machine, or of a job on AWS, whether or not it succeeded. */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import type { AttemptRow } from '../../report/attempt-rows.ts';
import { parseManifest } from '../../report/manifest.ts';
import { parseAttempts } from '../../report/parse-attempts.ts';
import { ATTEMPTS_NAME, MANIFEST_NAME } from '../../report/result-names.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { attemptLines } from '../display/attempts-table.ts';
import { paintFor } from '../display/paint.ts';
import { print } from '../display/terminal.ts';
import { connectToJob, type DeploymentFlags } from '../flags/deployment-flags.ts';
import { EXIT_CODE } from '../process/exit-code.ts';

interface JobAttempts {
  readonly rows: readonly AttemptRow[];
  /** When the job started, if that is known. */
  readonly startedAt: string | undefined;
}

export async function printSlowest(attempts: JobAttempts): Promise<number> {
  print(
    `${attemptLines(attempts.rows, { startedAt: attempts.startedAt, paint: paintFor(process.stdout) }).join('\n')}\n`,
  );
  return EXIT_CODE.done;
}

/** @param path  an output folder, its manifest, or a file that `run --facts` wrote */
export async function attemptsOfFolder(path: string): Promise<JobAttempts> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  const isManifest = path.endsWith('.json');
  const file = isFolder ? join(path, ATTEMPTS_NAME) : isManifest ? join(dirname(path), ATTEMPTS_NAME) : path;
  try {
    const rows = parseAttempts(await readFile(file), file);
    // A file of another name comes from `run --facts`, and may lie beside the manifest of another job.
    const isOfManifest = basename(file) === ATTEMPTS_NAME;
    const startedAt = isOfManifest ? await startOf(join(dirname(file), MANIFEST_NAME)) : undefined;
    return { rows, startedAt };
  } catch (error) {
    const why = errnoOf(error);
    if (why === undefined) throw error;
    throw new MapReduceError(
      'UsageError',
      `${file} ${why === 'ENOENT' ? 'does not exist' : `cannot be read (${why})`}. Name the output folder of a job that has succeeded, a file that 'mapreduce run --facts <file>' wrote, or the id of a job on AWS`,
      { cause: error },
    );
  }
}

async function startOf(manifest: string): Promise<string | undefined> {
  try {
    return parseManifest(await readFile(manifest, 'utf8'), manifest).startedAt;
  } catch {
    return undefined;
  }
}

/** Of a job that has not succeeded: the list that its failure or its cancellation left, otherwise what the bucket shows now. */
export async function attemptsOfJob(id: string, flags: DeploymentFlags): Promise<JobAttempts> {
  const [{ collectAttempts }, { attemptsKey, defaultOutputPrefix }] = await Promise.all([
    import('../../aws/protocol/job-attempts.ts'),
    import('../../aws/protocol/keys.ts'),
  ]);
  const { deployment, status } = await connectToJob(id, flags);
  const { store } = deployment;
  const { jobId, phase, plan, execution } = status;
  const startedAt = execution?.startedAt.toISOString();
  const key =
    phase === 'succeeded'
      ? `${execution?.output.outputPrefix ?? plan?.outputPrefix ?? defaultOutputPrefix(jobId)}${ATTEMPTS_NAME}`
      : attemptsKey(jobId);
  const isOver = phase === 'succeeded' || phase === 'failed' || phase === 'cancelled';
  const kept = isOver ? await readKept(store, key) : undefined;
  const rows = kept ?? (phase === 'succeeded' ? undefined : await collectAttempts(store, jobId));
  if (rows !== undefined) return { rows, startedAt };
  throw new MapReduceError(
    'UsageError',
    phase === 'succeeded'
      ? `the attempts of job ${jobId} are not in ${store.location}/${key}: somebody has removed them`
      : `job ${jobId} has not been planned, so it has no attempts`,
  );
}

async function readKept(store: ObjectStore, key: string): Promise<AttemptRow[] | undefined> {
  try {
    return parseAttempts(await store.get(key), `${store.location}/${key}`);
  } catch (error) {
    if (isMapReduceError(error, 'ObjectNotFoundError')) return undefined;
    throw error;
  }
}
