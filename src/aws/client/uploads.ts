/**
 * The inputs of a job in the bucket. A request names what already exists there (`s3://bucket/...`, or a key below data/,
 * input/ or output/); local files, folders and globs are uploaded:
 *
 *     data/<jobId>/000/a.txt           of the first --input, by its path below the folder that was named
 *     data/<jobId>/users/000/a.txt     of the first --input users=...
 *
 * Keys sort as the paths do, so the job sees its files in the order that `mapreduce run` does: same splits, same bytes.
 */
import { createReadStream } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import type { JobId } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { listLocalInputs } from '../../plan/inputs/list-local-inputs.ts';
import type { InputFile } from '../../read/input-file.ts';
import { FileStore } from '../../storage/file/file-store.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { DATA_PREFIX, INPUT_PREFIX, OUTPUT_PREFIX } from '../protocol/keys.ts';

export interface PlannedUpload {
  readonly path: string;
  readonly key: string;
  readonly sizeBytes: number;
}

/** Of one input of the job. */
export interface PlannedInput {
  /** What the request names: keys and prefixes, in order. */
  readonly inputs: readonly string[];
  readonly uploads: readonly PlannedUpload[];
  /** Local files, in the order of the uploads. */
  readonly files: readonly InputFile[];
  /** Those of `inputs` that already exist in the bucket. */
  readonly stored: readonly string[];
}

/** Files that are uploaded at the same time; the store uploads several parts of each. */
const UPLOADS_AT_ONCE_MAX = 8;

/**
 * Examines the files without uploading anything.
 *
 * @throws UsageError for another bucket; InputNotFoundError for a name that is neither a local file nor looks like a key
 */
export async function planInputs(
  names: readonly string[],
  { job, bucket, input }: { job: JobId; bucket: string; input?: string | undefined },
): Promise<PlannedInput> {
  const folder = `${DATA_PREFIX}${job}/${input === undefined ? '' : `${input}/`}`;
  const inputs: string[] = [];
  const uploads: PlannedUpload[] = [];
  const files: InputFile[] = [];
  const stored: string[] = [];
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    const key = storedName(name, bucket) ?? (await keyUnlessFile(name));
    if (key !== undefined) {
      inputs.push(key);
      stored.push(key);
      continue;
    }
    const found = (await listLocalInputs(localFiles(), [name])).filter((file) => !seen.has(file.key));
    if (found.length === 0) continue;
    for (const file of found) seen.add(file.key);
    files.push(...found);
    const prefix = `${folder}${String(index).padStart(3, '0')}/`;
    const base = commonFolder(found.map((file) => file.key));
    const planned = found.map((file) => ({
      path: file.key,
      key: `${prefix}${file.key.slice(base.length)}`,
      sizeBytes: file.sizeBytes,
    }));
    uploads.push(...planned);
    // A prefix does not cover hidden files, so hidden files that the caller names are listed one by one.
    const hasHidden = planned.some(({ key }) => /(^|\/)[._]/.test(key.slice(prefix.length)));
    if (hasHidden) inputs.push(...planned.map(({ key }) => key));
    else inputs.push(prefix);
  }
  if (inputs.length === 0) {
    throw new MapReduceError(
      'InputNotFoundError',
      `there are no files in ${names.join(', ')} to upload. Name files, or folders that hold some`,
    );
  }
  return { inputs, uploads, files, stored };
}

/** Each file becomes visible whole. `onBytes` gets the bytes of each chunk that is sent. */
export async function uploadInputs(
  store: ObjectStore,
  uploads: readonly PlannedUpload[],
  onBytes: (bytes: number) => void,
): Promise<void> {
  await mapBounded(uploads, UPLOADS_AT_ONCE_MAX, async ({ path, key }) => {
    const upload = await store.upload(key);
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: LIMITS.uploadChunkBytes })) {
        const bytes: Buffer = chunk;
        await upload.write(bytes);
        onBytes(bytes.length);
      }
      await upload.complete();
    } catch (error) {
      await upload.abort();
      throw error;
    }
  });
}

function storedName(name: string, bucket: string): string | undefined {
  if (!name.startsWith('s3://')) return undefined;
  const own = `s3://${bucket}/`;
  if (name.startsWith(own) && name.length > own.length) return name.slice(own.length);
  throw new MapReduceError(
    'UsageError',
    name.startsWith(own) || name === own.slice(0, -1)
      ? `--input ${name} is the whole bucket. Name a prefix of it, for example ${own}${DATA_PREFIX}`
      : `--input ${name} is in another bucket; jobs of this deployment read from ${own}. Copy it there, or give the deployment that bucket`,
  );
}

/** A local file takes precedence over a key in the bucket; 's3://' always names a key. */
async function keyUnlessFile(name: string): Promise<string | undefined> {
  if (![DATA_PREFIX, INPUT_PREFIX, OUTPUT_PREFIX].some((prefix) => name.startsWith(prefix))) return undefined;
  try {
    await listLocalInputs(localFiles(), [name]);
    return undefined;
  } catch (error) {
    if (isMapReduceError(error, 'InputNotFoundError')) return name;
    throw error;
  }
}

function localFiles(): FileStore {
  return new FileStore({ root: '/' });
}

/** The deepest folder that holds all paths, with a slash at the end. */
function commonFolder(paths: readonly string[]): string {
  let folder = withSlash(dirname(resolve(paths[0]!)));
  for (const path of paths) {
    while (!path.startsWith(folder)) folder = withSlash(dirname(folder));
  }
  return folder;
}

function withSlash(folder: string): string {
  return folder.endsWith('/') ? folder : `${folder}/`;
}
