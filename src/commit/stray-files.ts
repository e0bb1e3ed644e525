/**
 * Files of a result that no task has listed: attempts that failed, were cancelled or lost a race have left them, or jobs that
 * owned the output earlier. They are removed before the result is complete.
 */
import type { JobId } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { mapBounded } from '../base/map-bounded.ts';
import type { PartReport } from '../report/report.ts';
import { isPartPath, MANIFEST_NAME, OUTPUT_CLAIM_NAME } from '../report/result-names.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { writerOf } from './committed-part.ts';

/**
 * Returns the names of parts in folders below the output. Other outputs may be nested there, and are left out. Cost: one
 * listing, which on S3 is one request per 1,000 objects.
 */
export async function nestedPartNames(store: ObjectStore, outputPrefix: string): Promise<string[]> {
  const names: string[] = [];
  const outputs = new Set<string>();
  for await (const { key } of store.list(outputPrefix)) {
    const name = key.slice(outputPrefix.length);
    const end = name.lastIndexOf('/');
    if (end === -1) continue;
    const base = name.slice(end + 1);
    if (base === OUTPUT_CLAIM_NAME || base === MANIFEST_NAME) outputs.add(name.slice(0, end));
    else if (isPartPath(name)) names.push(name);
  }
  return outputs.size === 0 ? names : names.filter((name) => !isIn(outputs, name));
}

function isIn(folders: ReadonlySet<string>, name: string): boolean {
  for (let end = name.lastIndexOf('/'); end !== -1; end = name.lastIndexOf('/', end - 1)) {
    if (folders.has(name.slice(0, end))) return true;
  }
  return false;
}

/**
 * Removes parts in folders that are not among the files of the result, if `isOurs` is true of the job that wrote them. Called by
 * the commit, before _SUCCESS. Cost: the listing, and for each file that is not listed a HEAD and its share of a DELETE.
 */
export async function removeStrayFiles(
  store: ObjectStore,
  {
    outputPrefix,
    parts,
    isOurs,
  }: { outputPrefix: string; parts: readonly PartReport[]; isOurs: (writer: JobId) => boolean },
): Promise<void> {
  const listed = new Set(parts.map(({ name }) => name));
  const strays = (await nestedPartNames(store, outputPrefix)).filter((name) => !listed.has(name));
  const ours = await mapBounded(strays, LIMITS.barrierReadsMax, async (name) => {
    const found = await store.head(`${outputPrefix}${name}`);
    const writer = found && writerOf(found);
    return writer !== undefined && isOurs(writer) ? `${outputPrefix}${name}` : undefined;
  });
  await store.delete(ours.filter((key) => key !== undefined));
}
