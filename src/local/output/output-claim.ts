/**
 * One run at a time publishes to an output folder: the one whose claim is in the folder of claims.
 *
 *     .mapreduce/job-<token>/claim/<token>.json  --rename-->  .mapreduce/claim/<token>.json
 *
 * A folder is renamed onto another only while that is empty or missing, in one system call: of any number of takers one
 * gets in. The holder counts up a number in its claim every few seconds. A claim is void when its process has ended,
 * where that can be told for certain (host-process.ts), and otherwise when it has not changed for a long multiple of
 * that time, by the clock of the one who waits. Whoever finds it void removes it by its name, which no other claim has.
 *
 * A claim may be taken from a run that was only suspended. That run notices before its next step that changes the output,
 * and a step that was already under way fails: the taker has renamed the folder that it goes through (job-folder.ts).
 */
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MapReduceError } from '../../base/errors.ts';
import type { JobId } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { errnoOf, fileError } from '../../storage/file/file-errors.ts';
import { HIDDEN_FOLDER } from '../../storage/file/file-listing.ts';
import { removeIfEmpty } from '../../storage/file/file-upload.ts';
import { type HostProcess, stateOf, thisProcess } from './host-process.ts';
import { absentAsEmpty, assertHiddenFolder, exists, type JobFolder, readPlainFile } from './job-folder.ts';

/** How often a claim is renewed, and after how long without that it is void. */
export interface Lease {
  readonly renewMs: number;
  readonly voidAfterMs: number;
}

export interface ClaimOptions {
  readonly jobId: JobId;
  /** Ends the wait for a claim that may be void. */
  readonly signal?: AbortSignal | undefined;
  /** Told once, before such a wait. */
  readonly onWait?: ((message: string) => void) | undefined;
  readonly lease?: Lease;
}

interface Claim extends HostProcess {
  readonly jobId: string;
}

const CLAIM_NAME = 'claim';
const CLAIM_FILE = /^[0-9a-f]{32}\.json$/;
const LEASE: Lease = { renewMs: LIMITS.claimRenewMs, voidAfterMs: LIMITS.claimVoidAfterMs };
/** Each further attempt means that one more run had the folder and gave it back in that moment. */
const ATTEMPTS_MAX = 10;

export class OutputClaim {
  readonly #folder: JobFolder;
  readonly #lost = new AbortController();
  readonly #renewal: NodeJS.Timeout;
  readonly #offset: number;
  #renewals = 0;

  /** @throws OutputExistsError while another run holds the claim, UsageError where claims are kept that are not ours */
  static async take(folder: JobFolder, options: ClaimOptions): Promise<OutputClaim> {
    const { jobId, lease = LEASE } = options;
    const text = `${JSON.stringify({ jobId, ...thisProcess() } satisfies Claim)}\n`;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      await removeVoidClaims(folder, { ...options, lease });
      if (await tryTake(folder, text)) return new OutputClaim(folder, text, lease);
    }
    throw taken(folder.root, undefined);
  }

  private constructor(folder: JobFolder, text: string, { renewMs }: Lease) {
    this.#folder = folder;
    this.#offset = Buffer.byteLength(text);
    this.#renewal = setInterval(() => void this.#renew(), renewMs).unref();
  }

  /** Aborted, with an error that says so, once the claim is found to be gone. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Called before every step that changes the output. @throws OutputExistsError when the claim is gone */
  async assertHeld(): Promise<void> {
    if (!this.lost.aborted && !(await exists(claimPath(this.#folder)))) await this.#lose();
    this.lost.throwIfAborted();
  }

  /** Called when nothing of the job runs any more and nothing more is to be written. */
  async release(): Promise<void> {
    clearInterval(this.#renewal);
    await rm(claimPath(this.#folder), { force: true }).catch((error: unknown) => {
      throw fileError(error, { action: 'remove', path: claimPath(this.#folder), key: CLAIM_NAME });
    });
    await removeIfEmpty(this.#folder.inHidden(CLAIM_NAME));
    await this.#folder.removeEmptyParents();
  }

  /** In place, so that it never brings back a claim that is gone. */
  async #renew(): Promise<void> {
    try {
      await using file = await open(claimPath(this.#folder), constants.O_WRONLY | constants.O_NOFOLLOW);
      await file.write(renewalText(++this.#renewals), this.#offset);
    } catch (error) {
      // A disk that fails may work again by the next renewal.
      if (errnoOf(error) === 'ENOENT') await this.#lose();
    }
  }

  async #lose(): Promise<void> {
    clearInterval(this.#renewal);
    const { root } = this.#folder;
    const holder = await holderOf(this.#folder).catch(() => undefined);
    const why =
      holder === undefined ? 'it or its .mapreduce was removed' : `${nameOf(holder)} has taken it over`;
    this.#lost.abort(
      new MapReduceError(
        'OutputExistsError',
        `the output folder ${root} is no longer this run's: ${why} while the job ran. Nothing was published and nothing in it was changed; run the job again with an --output that nothing else removes or writes to`,
        { details: { objectKey: root } },
      ),
    );
  }
}

async function removeVoidClaims(
  folder: JobFolder,
  options: ClaimOptions & { readonly lease: Lease },
): Promise<void> {
  await assertHiddenFolder(folder.root);
  const claims = folder.inHidden(CLAIM_NAME);
  for (const name of await namesOfClaims(claims)) {
    const path = join(claims, name);
    if (!CLAIM_FILE.test(name) || !(await isPlainFile(path))) {
      throw new MapReduceError(
        'UsageError',
        `${claims} holds ${name}, which mapreduce did not write. Move it elsewhere, or choose another --output`,
      );
    }
    const text = await readPlainFile(path);
    if (text === undefined) continue;
    const claim = parseClaim(text);
    const state = claim === undefined ? 'unknown' : stateOf(claim);
    if (state === 'alive') throw taken(folder.root, claim);
    if (state === 'unknown' && !(await isAbandoned(path, { ...options, root: folder.root, text }))) continue;
    await rm(path, { force: true });
  }
}

/** @throws OutputExistsError as soon as the holder renews its claim */
async function isAbandoned(
  path: string,
  { root, text, lease, signal, onWait }: ClaimOptions & { root: string; text: string; lease: Lease },
): Promise<boolean> {
  const claim = parseClaim(text);
  onWait?.(
    `${claim === undefined ? 'a run' : nameOf(claim)} may still be writing to ${root}: waiting up to ${Math.ceil(lease.voidAfterMs / 1000)} s for a sign of life`,
  );
  const startedMs = performance.now();
  while (performance.now() - startedMs < lease.voidAfterMs) {
    await sleep(lease.renewMs / 2, undefined, signal === undefined ? {} : { signal }).catch(() => {
      throw new MapReduceError('CancelledError', 'the job was cancelled', { cause: signal?.reason });
    });
    const now = await readPlainFile(path);
    if (now === undefined) return false;
    if (now !== text) throw taken(root, parseClaim(now) ?? claim);
  }
  return true;
}

async function tryTake(folder: JobFolder, text: string): Promise<boolean> {
  await folder.make();
  const prepared = join(folder.path, CLAIM_NAME);
  try {
    await mkdir(prepared).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
    await writeFile(join(prepared, `${folder.token}.json`), text + renewalText(0));
    await rename(prepared, folder.inHidden(CLAIM_NAME));
  } catch (error) {
    // Another was first, or removed this run's folder as a dead one's.
    if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errnoOf(error) ?? '')) return false;
    throw fileError(error, { action: 'write', path: prepared, key: CLAIM_NAME });
  }
  return exists(claimPath(folder));
}

async function namesOfClaims(claims: string): Promise<string[]> {
  try {
    const stats = await lstat(claims);
    if (stats.isDirectory()) return await readdir(claims);
  } catch (error) {
    return absentAsEmpty(error);
  }
  throw new MapReduceError(
    'UsageError',
    `${claims} is no folder, and mapreduce did not write it. Move it elsewhere, or choose another --output`,
  );
}

async function isPlainFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    // Released meanwhile.
    if (errnoOf(error) === 'ENOENT') return true;
    throw error;
  }
}

async function holderOf(folder: JobFolder): Promise<Claim | undefined> {
  const claims = folder.inHidden(CLAIM_NAME);
  for (const name of await namesOfClaims(claims)) {
    const text = await readPlainFile(join(claims, name));
    const claim = text === undefined ? undefined : parseClaim(text);
    if (claim !== undefined) return claim;
  }
  return undefined;
}

/** Undefined for what a power cut left of a claim. */
function parseClaim(text: string): Claim | undefined {
  try {
    const claim = parseJson(text.slice(0, text.indexOf('\n') + 1)) as Partial<Claim> | null;
    const isClaim =
      typeof claim?.jobId === 'string' && typeof claim.host === 'string' && Number.isInteger(claim.pid);
    return isClaim ? (claim as Claim) : undefined;
  } catch {
    return undefined;
  }
}

/** Always as long: it is written over itself. */
function renewalText(renewals: number): string {
  return `${String(renewals).padStart(12, '0')}\n`;
}

function claimPath(folder: JobFolder): string {
  return join(folder.inHidden(CLAIM_NAME), `${folder.token}.json`);
}

function nameOf({ jobId, pid, host }: Claim): string {
  return `job ${jobId} (process ${pid} on ${host})`;
}

function taken(root: string, holder: Claim | undefined): MapReduceError {
  return new MapReduceError(
    'OutputExistsError',
    `${holder === undefined ? 'another job' : nameOf(holder)} is writing to ${root}. Wait for it, choose another --output, or end it; if it no longer runs, remove ${HIDDEN_FOLDER}/${CLAIM_NAME} there`,
    { details: { objectKey: root } },
  );
}
