/**
 * What lies in an output before and while a job writes there. Only results of jobs are ever removed: what bears a job in
 * its metadata, and what a manifest of ours lists. Anything else that bears a result's name stops the job.
 */
import { resultNames } from '../../src/aws/protocol/output-contents.ts';
import { isMapReduceError, MapReduceError } from '../../src/base/errors.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { mapBounded } from '../../src/base/map-bounded.ts';
import { writerOf } from '../../src/commit/committed-part.ts';
import type { PartReport } from '../../src/report/report.ts';
import { parseResultManifest } from '../../src/report/result-manifest.ts';
import { isPartName, MANIFEST_NAME, REPORT_NAME, SUCCESS_NAME } from '../../src/report/result-names.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { assertOwned, type JobOutput, lost, type OutputClaim, takeClaim, taken } from './output-claim.ts';

/**
 * Called by plan before the plan is written, any number of times. Nothing has changed where it throws before the claim
 * is the job's.
 *
 * @throws OutputExistsError when there are results and they are not to be replaced, or another job writes there
 */
export async function claimOutput(
  store: ObjectStore,
  { jobId, outputPrefix, overwrite }: JobOutput & { readonly overwrite: boolean },
): Promise<void> {
  const output = { jobId, outputPrefix, overwrite };
  if (!overwrite) {
    for await (const name of resultNames(store, outputPrefix)) {
      throw taken(store, outputPrefix, `it holds ${name}`);
    }
    await takeClaim(store, output);
    return;
  }
  await resultsOfJobs(store, outputPrefix);
  await takeClaim(store, output);
  // The owner before may have written until it lost the claim.
  const names = await resultsOfJobs(store, outputPrefix);
  const keys = names.map((name) => `${outputPrefix}${name}`);
  // _SUCCESS first: what is left at any moment never looks whole. The manifest last: it says what was ours.
  const isSuccess = (key: string) => key === `${outputPrefix}${SUCCESS_NAME}`;
  const isManifest = (key: string) => key === `${outputPrefix}${MANIFEST_NAME}`;
  const steps = [isSuccess, (key: string) => !isSuccess(key) && !isManifest(key), isManifest];
  for (const picks of steps) {
    const picked = keys.filter(picks);
    if (picked.length > 0) await store.delete(picked);
  }
}

/** For the barriers: removes a part that an attempt of an owner before has committed. */
export function foreignPartRemover(store: ObjectStore, output: JobOutput): (key: string) => Promise<void> {
  return async (key) => removeUnlessForeign(store, output, { key, claim: await assertOwned(store, output) });
}

/**
 * Removes an object of the output that this job wrote, or one before it.
 *
 * @throws OutputExistsError for another job's: that job has the output, or should not have written there
 */
export async function removeUnlessForeign(
  store: ObjectStore,
  output: JobOutput,
  { key, claim }: { key: string; claim: OutputClaim },
): Promise<void> {
  const found = await store.head(key);
  if (found === undefined) return;
  const writer = writerOf(found);
  if (writer !== undefined && !isOfClaim(writer, claim)) throw lost(store, output, { jobId: writer });
  await store.delete([key]);
}

export function isOfClaim(writer: string | undefined, { jobId, before }: OutputClaim): boolean {
  return writer !== undefined && (writer === jobId || before.some((owner) => owner === writer));
}

/**
 * Removes parts of owners before that no task of this job is to write, so that no barrier has come across them. Where
 * there was no owner before there are none.
 */
export async function removeStrayParts(
  store: ObjectStore,
  output: JobOutput,
  { claim, parts }: { claim: OutputClaim; parts: readonly PartReport[] },
): Promise<void> {
  if (claim.before.length === 0) return;
  const { outputPrefix } = output;
  const names = new Set(parts.map(({ name }) => name));
  const strays = (await namesOf(store, outputPrefix)).filter((name) => isPartName(name) && !names.has(name));
  for (const name of strays) {
    const key = `${outputPrefix}${name}`;
    const found = await store.head(key);
    if (found === undefined) continue;
    if (writerOf(found) === undefined) throw notOfAJob(store.location, key);
    await removeUnlessForeign(store, output, { key, claim });
  }
}

async function namesOf(store: ObjectStore, outputPrefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of resultNames(store, outputPrefix)) names.push(name);
  return names;
}

/**
 * Names of the results that jobs of ours wrote.
 *
 * @throws OutputExistsError when there is something else by such a name
 */
async function resultsOfJobs(store: ObjectStore, outputPrefix: string): Promise<string[]> {
  const names = await namesOf(store, outputPrefix);
  const manifest = names.includes(MANIFEST_NAME)
    ? parseResultManifest(await textOf(store, `${outputPrefix}${MANIFEST_NAME}`))
    : undefined;
  const listed = new Set(
    manifest === undefined ? [] : [SUCCESS_NAME, MANIFEST_NAME, REPORT_NAME, ...manifest.parts],
  );
  await mapBounded(
    names.filter((name) => !listed.has(name)),
    LIMITS.barrierReadsMax,
    async (name) => {
      const key = `${outputPrefix}${name}`;
      const found = await store.head(key);
      if (found !== undefined && writerOf(found) === undefined) throw notOfAJob(store.location, key);
    },
  );
  return names;
}

async function textOf(store: ObjectStore, key: string): Promise<string> {
  try {
    return (await store.get(key)).toString();
  } catch (error) {
    if (isMapReduceError(error, 'ObjectNotFoundError')) return '';
    throw error;
  }
}

export function notOfAJob(location: string, key: string): MapReduceError {
  return new MapReduceError(
    'OutputExistsError',
    `${location}/${key} has the name of a result, but no job of this deployment wrote it, so it is not replaced. Move it away, or choose another output`,
    { details: { objectKey: key } },
  );
}
