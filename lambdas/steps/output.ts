/**
 * Handles the objects that an output holds before and while a job writes to it. Only results of jobs are removed: objects
 * that name a job in their metadata, and objects that a manifest of a job lists. Any other object with the name of a result
 * stops the job.
 */
import { planKey } from '../../src/aws/protocol/keys.ts';
import { resultNames } from '../../src/aws/protocol/output-contents.ts';
import { isMapReduceError, MapReduceError } from '../../src/base/errors.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { mapBounded } from '../../src/base/map-bounded.ts';
import { writerOf } from '../../src/commit/committed-part.ts';
import { removeStrayFiles } from '../../src/commit/stray-files.ts';
import type { PartReport } from '../../src/report/report.ts';
import { listedNames, parseResultManifest, type ResultManifest } from '../../src/report/result-manifest.ts';
import { isPartName, MANIFEST_NAME, SUCCESS_NAME } from '../../src/report/result-names.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { assertOwned, type JobOutput, lost, type OutputClaim, takeClaim, taken } from './output-claim.ts';

/**
 * Called by plan before the plan is written, any number of times. If it throws before the job has the claim, it has changed
 * nothing.
 *
 * @throws OutputExistsError if the output holds results and `overwrite` is false, or if another job writes to it
 */
export async function claimOutput(
  store: ObjectStore,
  { jobId, outputPrefix, overwrite }: JobOutput & { readonly overwrite: boolean },
): Promise<void> {
  // Another invocation of plan may have emptied the output and written the plan. What is there now is the job's own.
  const isPlanned = async () => (await store.head(planKey(jobId))) !== undefined;
  const output = { jobId, outputPrefix, overwrite };
  if (!overwrite) {
    for await (const name of resultNames(store, outputPrefix)) {
      throw taken(store, outputPrefix, `it holds ${name}`);
    }
    await takeClaim(store, output);
    return;
  }
  await resultsOfJobs(store, outputPrefix);
  const claim = await takeClaim(store, output);
  // List again, because the previous owner may have written until it lost the claim.
  const names = await resultsOfJobs(store, outputPrefix);
  const manifest = names.includes(MANIFEST_NAME) ? await manifestOf(store, outputPrefix) : undefined;
  const others = [...names, ...(manifest?.parts ?? [])].filter(
    (name) => name !== SUCCESS_NAME && name !== MANIFEST_NAME,
  );
  const remove = async (picked: readonly string[]) => {
    if (picked.length === 0 || (await isPlanned())) return;
    await store.delete(
      picked.map((name) => `${outputPrefix}${name}`),
      { stillWanted: async () => !(await isPlanned()) },
    );
  };
  // Delete _SUCCESS first, so that the rest never looks complete. Delete the manifest last, because it lists the results.
  await remove(names.filter((name) => name === SUCCESS_NAME));
  await remove([...new Set(others)]);
  if (await isPlanned()) return;
  // Jobs that failed have left files that no manifest lists.
  await removeStrayFiles(store, { outputPrefix, parts: [], isOurs: (writer) => isOfClaim(writer, claim) });
  await remove(names.filter((name) => name === MANIFEST_NAME));
}

/** For the barriers: returns a function that removes a part that an attempt of an earlier owner has committed. */
export function foreignPartRemover(store: ObjectStore, output: JobOutput): (key: string) => Promise<void> {
  return async (key) => removeUnlessForeign(store, output, { key, claim: await assertOwned(store, output) });
}

/**
 * Removes an object of the output that this job or an earlier owner wrote.
 *
 * @throws OutputExistsError for an object of another job: that job owns the output, or should not have written to it
 */
export async function removeUnlessForeign(
  store: ObjectStore,
  output: JobOutput,
  { key, claim }: { key: string; claim: OutputClaim },
): Promise<void> {
  const isRemovable = async () => {
    const found = await store.head(key);
    if (found === undefined) return false;
    const writer = writerOf(found);
    if (writer !== undefined && !isOfClaim(writer, claim)) throw lost(store, output, { jobId: writer });
    return true;
  };
  if (await isRemovable()) await store.delete([key], { stillWanted: isRemovable });
}

export function isOfClaim(writer: string | undefined, { jobId, before }: OutputClaim): boolean {
  return writer !== undefined && (writer === jobId || before.some((owner) => owner === writer));
}

/**
 * Removes parts of earlier owners that no task of this job writes, and files of several that no task has listed. The barriers do
 * not find these. Without an earlier owner, and if tasks write one file each, there are none.
 */
export async function removeStrayParts(
  store: ObjectStore,
  output: JobOutput,
  { claim, parts, severalFiles }: { claim: OutputClaim; parts: readonly PartReport[]; severalFiles: boolean },
): Promise<void> {
  if (claim.before.length === 0 && !severalFiles) return;
  const { outputPrefix } = output;
  await removeStrayFiles(store, { outputPrefix, parts, isOurs: (writer) => isOfClaim(writer, claim) });
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
 * Returns the names of results that jobs wrote.
 *
 * @throws OutputExistsError if another object has such a name
 */
async function resultsOfJobs(store: ObjectStore, outputPrefix: string): Promise<string[]> {
  const names = await namesOf(store, outputPrefix);
  const manifest = names.includes(MANIFEST_NAME) ? await manifestOf(store, outputPrefix) : undefined;
  const listed = new Set(manifest === undefined ? [] : listedNames(manifest));
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

async function manifestOf(store: ObjectStore, outputPrefix: string): Promise<ResultManifest | undefined> {
  return parseResultManifest(await textOf(store, `${outputPrefix}${MANIFEST_NAME}`));
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
    `${location}/${key} has the name of a result, but no job of this deployment wrote it, so it is not replaced. Move it elsewhere, or choose another output`,
    { details: { objectKey: key } },
  );
}
