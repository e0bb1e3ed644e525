/**
 * How a task that writes several files commits them. Its files have names that carry the attempt, so attempts never disturb each
 * other. Then one conditional PUT commits the list of them, together with the summary of the attempt:
 *
 *     <output>/dt=1/part-r-00007.3.csv  <output>/dt=2/part-r-00007.3.csv     written first
 *     <work>/files/r-00007   { "formatVersion": 1, "summary": {...}, "files": [{ "name", "records", "bytes", "crc32", "etag" }] }
 *
 * Of several attempts one creates the list; the others remove their files. Files of an attempt that died stay until the commit
 * of the job, which removes what no list names. The format is public contract: barriers read lists that an earlier version wrote.
 */
import * as v from 'valibot';
import { parseJson } from '../codec/parse-json.ts';
import type { JobLayout } from '../plan/task.ts';
import type { PartReport } from '../report/report.ts';
import { isPartPath } from '../report/result-names.ts';
import type { TaskSummary } from '../report/task-summary.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { JOB_METADATA, type PartOwner } from './committed-part.ts';
import { fileListKey } from './layout.ts';
import { isUnusable } from './repair.ts';

/** A file of the result. Its name is relative to the output. */
export interface ListedFile extends PartReport {
  readonly etag: string;
}

export interface FileList {
  readonly summary: TaskSummary;
  /** Ordered by name. */
  readonly files: readonly ListedFile[];
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const listSchema = v.object({
  formatVersion: v.literal(1),
  // Only attempts write summaries, and the list has an ETag.
  summary: v.custom<TaskSummary>((summary) => typeof summary === 'object' && summary !== null),
  files: v.array(
    v.object({
      name: v.pipe(v.string(), v.check(isPartPath)),
      records: count,
      bytes: count,
      crc32: v.string(),
      etag: v.string(),
    }),
  ),
});

export function encodeFileList({ summary, files }: FileList): Buffer {
  return Buffer.from(`${JSON.stringify({ formatVersion: 1, summary, files })}\n`);
}

/**
 * Finds the list that the task has committed, as findFileList() does. Removes what is no list of this task: only this job writes
 * there, so it was damaged.
 */
export async function findOrRemoveFileList(
  store: ObjectStore,
  layout: JobLayout,
  owner: Pick<PartOwner, 'jobId' | 'taskId'>,
): Promise<FileList | undefined> {
  const list = await findFileList(store, layout, owner);
  if (list === 'damaged') await store.delete([fileListKey(layout, owner.taskId)]);
  return list === 'damaged' ? undefined : list;
}

/** Finds the list that the task has committed; its summary has the list's ETag. */
export async function findFileList(
  store: ObjectStore,
  layout: JobLayout,
  { jobId, taskId }: Pick<PartOwner, 'jobId' | 'taskId'>,
): Promise<FileList | 'damaged' | undefined> {
  const key = fileListKey(layout, taskId);
  const object = await store.head(key);
  if (object === undefined) return undefined;
  try {
    const list = parsed((await store.get(key, { ifMatch: object.etag })).toString());
    if (list?.summary.taskId === taskId && object.metadata[JOB_METADATA] === jobId) {
      return { files: list.files, summary: { ...list.summary, etag: object.etag } };
    }
  } catch (error) {
    if (!isUnusable(error)) throw error;
  }
  return 'damaged';
}

function parsed(text: string): FileList | undefined {
  try {
    const result = v.safeParse(listSchema, parseJson(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Finds the lists that name a file which is missing, or not the one that was listed. Cost: one listing of the output, which on
 * S3 is one request per 1,000 files. It reads no file.
 *
 * @returns the name of the first such file for each list, by the list's position
 */
export async function listsWithLostFiles(
  store: ObjectStore,
  layout: JobLayout,
  lists: readonly (FileList | undefined)[],
): Promise<ReadonlyMap<number, string>> {
  const expected = new Map<string, { readonly list: number; readonly file: ListedFile }>();
  for (const [list, found] of lists.entries()) {
    for (const file of found?.files ?? []) expected.set(`${layout.outputPrefix}${file.name}`, { list, file });
  }
  if (expected.size > 0) {
    for await (const { key, sizeBytes, etag } of store.list(layout.outputPrefix)) {
      const file = expected.get(key)?.file;
      if (file?.bytes === sizeBytes && file.etag === etag) expected.delete(key);
    }
  }
  const lost = new Map<number, string>();
  for (const { list, file } of expected.values()) if (!lost.has(list)) lost.set(list, file.name);
  return lost;
}
