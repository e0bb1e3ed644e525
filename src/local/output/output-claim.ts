/**
 * Ensures that one run at a time publishes to an output folder: the run whose claim is in the folder of claims.
 *
 *     .mapreduce/job-<token>/claim/<token>.json  --rename-->  .mapreduce/claim/<token>.json
 *
 * One system call renames the prepared folder, and it succeeds only if the target is empty or missing. So if several runs
 * try at once, exactly one succeeds. The holder increments a number in its claim every few seconds. A claim is void if its
 * process has certainly ended (host-process.ts). If that cannot be determined, the claim is void when it has not changed
 * for many such intervals by the clock of the waiting run. That run removes the void claim by its name, which is unique.
 *
 * A run may lose its claim although it was only suspended. It notices that before its next step that changes the output. A
 * step that had already begun fails, because the new holder has renamed the folder that its path goes through
 * (job-folder.ts).
 */
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MapReduceError } from '../../base/errors.ts';
import { errnoOf, fieldOf, textFieldOf } from '../../base/field-of.ts';
import type { JobId } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { fileError } from '../../storage/file/file-errors.ts';
import { HIDDEN_FOLDER } from '../../storage/file/file-listing.ts';
import { removeIfEmpty } from '../../storage/file/file-upload.ts';
import { type HostProcess, stateOf, thisProcess } from './host-process.ts';
import { absentAsEmpty, assertHiddenFolder, exists, type JobFolder, readPlainFile } from './job-folder.ts';

/** How often a claim is renewed, and after how long without a renewal it is void. */
export interface Lease {
  readonly renewMs: number;
  readonly voidAfterMs: number;
}

export interface ClaimOptions {
  readonly jobId: JobId;
  /** Ends the wait for a claim that may be void. */
  readonly signal?: AbortSignal | undefined;
  /** Called once before such a wait. */
  readonly onWait?: ((message: string) => void) | undefined;
  readonly lease?: Lease;
}

interface Claim extends HostProcess {
  readonly jobId: string;
}

const CLAIM_NAME = 'claim';
const CLAIM_FILE = /^[0-9a-f]{32}\.json$/;
const LEASE: Lease = { renewMs: LIMITS.claimRenewMs, voidAfterMs: LIMITS.claimVoidAfterMs };
/** An attempt fails without an error only if another run took and released the claim at that moment. */
const ATTEMPTS_MAX = 10;

export class OutputClaim {
  readonly #folder: JobFolder;
  readonly #lost = new AbortController();
  readonly #renewal: NodeJS.Timeout;
  readonly #offset: number;
  #renewals = 0;

  /** @throws OutputExistsError if another run holds the claim, UsageError if the folder of claims contains other files */
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

  /** Aborted with an OutputExistsError when the run finds that it has lost the claim. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Called before every step that changes the output.
   *
   * @throws OutputExistsError if the run has lost the claim
   */
  async assertHeld(): Promise<void> {
    if (!this.lost.aborted && !(await exists(claimPath(this.#folder)))) await this.#lose();
    this.lost.throwIfAborted();
  }

  /** Called when nothing of the job still runs or writes. */
  async release(): Promise<void> {
    clearInterval(this.#renewal);
    await rm(claimPath(this.#folder), { force: true }).catch((error: unknown) => {
      throw fileError(error, { action: 'remove', path: claimPath(this.#folder), key: CLAIM_NAME });
    });
    await removeIfEmpty(this.#folder.inHidden(CLAIM_NAME));
    await this.#folder.removeEmptyParents();
  }

  /** Overwrites the number in place, so that it never recreates a claim that was removed. */
  async #renew(): Promise<void> {
    try {
      await using file = await open(claimPath(this.#folder), constants.O_WRONLY | constants.O_NOFOLLOW);
      await file.write(renewalText(++this.#renewals), this.#offset);
    } catch (error) {
      // Ignore other errors: a disk that fails now may work at the next renewal.
      if (errnoOf(error) === 'ENOENT') await this.#lose();
    }
  }

  async #lose(): Promise<void> {
    clearInterval(this.#renewal);
    const { root } = this.#folder;
    const holder = await holderOf(this.#folder).catch(() => undefined);
    const why =
      holder === undefined ? 'it or its .mapreduce folder was removed' : `${nameOf(holder)} took it over`;
    this.#lost.abort(
      new MapReduceError(
        'OutputExistsError',
        `the output folder ${root} no longer belongs to this run: ${why} while the job was running. Nothing was published, and nothing in the folder was changed. Run the job again with an --output that no other program removes or writes to`,
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
        `${claims} contains ${name}, which mapreduce did not write. Move it elsewhere, or choose another --output`,
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
    `${claim === undefined ? 'a run' : nameOf(claim)} may still be writing to ${root}: waiting up to ${Math.ceil(lease.voidAfterMs / 1000)} s to see whether it is still alive`,
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
    // Another run was faster, or took this run for dead and removed its folder.
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
    `${claims} is not a folder, and mapreduce did not write it. Move it elsewhere, or choose another --output`,
  );
}

async function isPlainFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    // The claim has just been released.
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

function isClaim(value: unknown): value is Claim {
  return (
    textFieldOf(value, 'jobId') !== undefined &&
    textFieldOf(value, 'host') !== undefined &&
    Number.isInteger(fieldOf(value, 'pid'))
  );
}

/** Returns undefined if the text is incomplete, for example after a power failure. */
function parseClaim(text: string): Claim | undefined {
  try {
    const claim = parseJson(text.slice(0, text.indexOf('\n') + 1));
    return isClaim(claim) ? claim : undefined;
  } catch {
    return undefined;
  }
}

/** The length is constant, because each renewal overwrites the one before. */
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
    `${holder === undefined ? 'another job' : nameOf(holder)} is writing to ${root}. Wait until it ends, stop it, or choose another --output. If it is no longer running, remove ${HIDDEN_FOLDER}/${CLAIM_NAME} in that folder`,
    { details: { objectKey: root } },
  );
}
