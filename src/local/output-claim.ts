/**
 * One job at a time writes to an output folder: the one whose claim lies in the folder of claims.
 *
 *     _temporary/claim-<job>/<job>.json  --rename-->  _temporary/claim/<job>.json
 *
 * One folder is renamed onto another only while that is empty or missing, in one system call: of any number of takers
 * one gets in. A claim whose process is no more (it was killed, the power failed) is void. Whoever finds it removes it
 * by its name, which no other claim has: nobody can remove what another has put there meanwhile.
 */
import { readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isMapReduceError, MapReduceError } from '../errors.ts';
import type { JobId } from '../ids.ts';
import { errnoOf, fileError } from '../storage/file-errors.ts';
import type { FileStore } from '../storage/file-store.ts';
import { CLAIM_FOLDER } from './output-folder.ts';

interface Claim {
  readonly jobId: string;
  readonly host: string;
  readonly pid: number;
  /** Of the process, where the system tells: a later one may have its number, in a container even for certain. */
  readonly started?: string | undefined;
}

/** Each further attempt means that one more job had the folder and gave it back in that moment. */
const ATTEMPTS_MAX = 10;

/** @throws OutputExistsError while another job holds the claim. */
export async function claimOutput(store: FileStore, jobId: JobId): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    await removeVoidClaims(store);
    if (await take(store, jobId)) return;
  }
  throw taken(store, undefined);
}

/** Called by the holder, when nothing of its job runs any more and nothing more is to be written. */
export async function releaseOutput(store: FileStore, jobId: JobId): Promise<void> {
  await store.delete([claimKey(jobId)]);
}

async function removeVoidClaims(store: FileStore): Promise<void> {
  for await (const { key } of store.list(`${CLAIM_FOLDER}/`)) {
    const claim = await read(store, key);
    if (claim === 'released') continue;
    if (claim !== undefined && isAlive(claim)) throw taken(store, claim);
    await store.delete([key]);
  }
}

async function take(store: FileStore, jobId: JobId): Promise<boolean> {
  const claim: Claim = { jobId, host: hostname(), pid: process.pid, started: startOf(process.pid) };
  const folder = join(store.root, CLAIM_FOLDER);
  const prepared = `${folder}-${jobId}`;
  try {
    await mkdir(prepared, { recursive: true });
    await writeFile(join(prepared, `${jobId}.json`), JSON.stringify(claim));
    await rename(prepared, folder);
  } catch (error) {
    await rm(prepared, { recursive: true, force: true });
    // Another was first; or it removed what it took for a dead job's.
    if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errnoOf(error) ?? '')) return false;
    throw fileError(error, { action: 'write', path: prepared, key: CLAIM_FOLDER });
  }
  // That one may have been killed when it had removed the claim and not yet the folder around it.
  return (await store.head(claimKey(jobId))) !== undefined;
}

/** Undefined for what a power cut left of a claim: it is renamed when it is whole. */
async function read(store: FileStore, key: string): Promise<Claim | 'released' | undefined> {
  try {
    const claim = JSON.parse((await store.get(key)).toString()) as Claim | null;
    return Number.isInteger(claim?.pid) ? claim! : undefined;
  } catch (error) {
    if (isMapReduceError(error, 'ObjectNotFoundError')) return 'released';
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isAlive({ host, pid, started }: Claim): boolean {
  // Of another machine's processes nothing is known: better to ask than to write over a running job.
  if (host !== hostname()) return true;
  const startedNow = startOf(pid);
  if (started !== undefined && startedNow !== undefined) return started === startedNow;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

/** Which boot of the machine, and when in it, in ticks. Undefined where there is no such process, or no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // From the third field on: the second, the command's name, may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const hasEnded = fields[0] === 'Z' || fields[0] === 'X';
    return hasEnded ? 'ended' : `${boot}/${fields[22 - 3]}`;
  } catch {
    return undefined;
  }
}

function claimKey(jobId: JobId): string {
  return `${CLAIM_FOLDER}/${jobId}.json`;
}

function taken(store: FileStore, holder: Claim | undefined): MapReduceError {
  const who =
    holder === undefined ? 'Another job' : `Job ${holder.jobId} (process ${holder.pid} on ${holder.host})`;
  return new MapReduceError(
    'OutputExistsError',
    `${who} is writing to ${store.location}. Wait for it or choose another --output; if it runs no more, remove ${CLAIM_FOLDER} there`,
    { details: { objectKey: CLAIM_FOLDER } },
  );
}
