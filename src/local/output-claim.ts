/**
 * One job at a time writes to an output folder: whoever creates the claim first. A claim whose process is no more (it
 * was killed, the power failed) is void, and the next job takes it over.
 */
import { hostname } from 'node:os';
import { isMapReduceError, MapReduceError } from '../errors.ts';
import type { JobId } from '../ids.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { CLAIM_KEY } from './output-folder.ts';

interface Claim {
  readonly jobId: string;
  readonly host: string;
  readonly pid: number;
}

/** @throws OutputExistsError while another job holds the claim. */
export async function claimOutput(store: ObjectStore, jobId: JobId): Promise<void> {
  const claim: Claim = { jobId, host: hostname(), pid: process.pid };
  if (await create(store, claim)) return;
  const holder = await read(store);
  if (holder !== undefined && isAlive(holder)) throw taken(store, holder);
  await store.delete([CLAIM_KEY]);
  if (!(await create(store, claim))) throw taken(store, await read(store));
}

/** Called by the holder, when nothing of its job runs any more. */
export async function releaseOutput(store: ObjectStore): Promise<void> {
  await store.delete([CLAIM_KEY]);
}

async function create(store: ObjectStore, claim: Claim): Promise<boolean> {
  try {
    await store.put(CLAIM_KEY, Buffer.from(JSON.stringify(claim)), { ifNoneMatch: '*' });
    return true;
  } catch (error) {
    if (isMapReduceError(error, 'PreconditionFailedError')) return false;
    throw error;
  }
}

async function read(store: ObjectStore): Promise<Claim | undefined> {
  try {
    return JSON.parse((await store.get(CLAIM_KEY)).toString()) as Claim;
  } catch (error) {
    if (isMapReduceError(error, 'ObjectNotFoundError') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isAlive({ host, pid }: Claim): boolean {
  // Of another machine's processes nothing is known: better to ask than to write over a running job.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function taken(store: ObjectStore, holder: Claim | undefined): MapReduceError {
  const who =
    holder === undefined ? 'Another job' : `Job ${holder.jobId} (process ${holder.pid} on ${holder.host})`;
  return new MapReduceError(
    'OutputExistsError',
    `${who} is writing to ${store.location}. Wait for it or choose another --output; if it runs no more, remove ${CLAIM_KEY} there`,
    { details: { objectKey: CLAIM_KEY } },
  );
}
