/** The results of a job in the bucket: their first bytes, and their download to a local folder. */
import {
  access,
  constants,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { crc32Text } from '../../base/crc32-text.ts';
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import type { JobReport, PartReport } from '../../report/report.ts';
import { listedNames, parseResultManifest } from '../../report/result-manifest.ts';
import {
  ATTEMPTS_NAME,
  BAD_RECORDS_NAME,
  inOrderOfArrival,
  isCompressedName,
  isPartPath,
  MANIFEST_NAME,
  REPORT_NAME,
  SUCCESS_NAME,
} from '../../report/result-names.ts';
import { foldersOf, kindOf, makeFoldersFor, removeEmptyFoldersOf } from '../../storage/file/nested-files.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

/** Parts that are downloaded at the same time; the store reads ahead in each. */
const PARTS_AT_ONCE_MAX = 4;

/** The first bytes of the first part that holds a record and is not compressed; undefined when none does. */
export async function startOfResult(
  store: ObjectStore,
  { outputPrefix, parts, bytesMax }: { outputPrefix: string; parts: readonly PartReport[]; bytesMax: number },
): Promise<{ readonly name: string; readonly start: string } | undefined> {
  const part = parts.find(({ name, records }) => records > 0 && !isCompressedName(name));
  if (part === undefined) return undefined;
  const bytes = await store.get(`${outputPrefix}${part.name}`, { range: { start: 0, end: bytesMax } });
  return { name: part.name, start: bytes.toString('utf8') };
}

export interface Download {
  readonly report: JobReport;
  /** The report as HTML, with what the job has cost. */
  readonly page: string;
  readonly outputPrefix: string;
  readonly folder: string;
  readonly overwrite: boolean;
  readonly onBytes: (bytes: number) => void;
}

/**
 * Writes manifest.json, then the parts and the report, then _SUCCESS, so that a folder with _SUCCESS holds a whole result.
 * Verifies each part's checksum against the manifest. Replaces what the manifest of an earlier download lists, and nothing
 * else. Never writes through a link.
 *
 * @throws OutputExistsError when the folder holds results, or another file with the name of one that would be written
 */
export async function downloadResults(
  store: ObjectStore,
  { report, page, outputPrefix, folder, overwrite, onBytes }: Download,
): Promise<void> {
  const names = report.parts.map(({ name }) => name);
  for (const name of names) assertPartName(name);
  await makeFolder(folder);
  const bad = report.badRecords === undefined ? [] : [BAD_RECORDS_NAME];
  const before = await replaceable(folder, { written: [...names, ...AROUND_PARTS, ...bad], overwrite });
  const manifest = await store.get(`${outputPrefix}${MANIFEST_NAME}`);
  const texts = new Map<string, string | Uint8Array>([
    [MANIFEST_NAME, manifest],
    [REPORT_NAME, page],
    ...(await textsOf(store, outputPrefix, [ATTEMPTS_NAME, ...bad])),
    [SUCCESS_NAME, ''],
  ]);
  const arriving = [...names, ...texts.keys()].map((name) => unfinished(join(folder, name)));
  try {
    for (const path of arriving) await rm(path, { force: true });
    for (const name of names) await makeFoldersFor(folder, name);
    await mapBounded(report.parts, PARTS_AT_ONCE_MAX, (part) =>
      downloadPart(store, {
        part,
        key: `${outputPrefix}${part.name}`,
        path: unfinished(join(folder, part.name)),
        onBytes,
      }),
    );
    for (const [name, text] of texts) await writeFile(unfinished(join(folder, name)), text, { flag: 'wx' });
    // The earlier result is removed after everything that replaces it has been downloaded.
    for (const name of inOrderOfArrival(before).reverse()) {
      await rm(join(folder, name), { force: true });
      await removeEmptyFoldersOf(folder, name);
    }
    for (const name of inOrderOfArrival([...names, ...texts.keys()]))
      await rename(unfinished(join(folder, name)), join(folder, name));
  } finally {
    for (const path of arriving) await rm(path, { force: true });
    // If the download has failed.
    for (const name of names) await removeEmptyFoldersOf(folder, name);
  }
}

async function textsOf(
  store: ObjectStore,
  outputPrefix: string,
  names: readonly string[],
): Promise<[string, Uint8Array][]> {
  const texts = await Promise.all(
    names.map(async (name): Promise<[string, Uint8Array][]> => {
      try {
        return [[name, await store.get(`${outputPrefix}${name}`)]];
      } catch (error) {
        // Somebody may have removed what is not part of the result.
        if (!isMapReduceError(error, 'ObjectNotFoundError')) throw error;
        return [];
      }
    }),
  );
  return texts.flat();
}

const AROUND_PARTS = [MANIFEST_NAME, REPORT_NAME, ATTEMPTS_NAME, SUCCESS_NAME];

/** A name with a path in it would be written outside the folder. */
function assertPartName(name: string): void {
  if (isPartPath(name)) return;
  throw new MapReduceError(
    'UsageError',
    `the manifest lists a part ${JSON.stringify(name)}, which no job would write: the manifest was changed after the job`,
  );
}

/** @returns the names of an earlier result, which the new one replaces */
async function replaceable(
  folder: string,
  { written, overwrite }: { written: readonly string[]; overwrite: boolean },
): Promise<string[]> {
  const direct = await readdir(folder);
  const earlier = direct.includes(MANIFEST_NAME)
    ? await earlierNames(join(folder, MANIFEST_NAME))
    : undefined;
  const own = new Set(earlier ?? []);
  const there = new Set([...direct, ...(await namesInFolders(folder, [...written, ...own]))]);
  const foreign = written.find((name) => there.has(name) && !own.has(name));
  if (foreign !== undefined) {
    throw new MapReduceError(
      'OutputExistsError',
      `the folder ${folder} holds a ${foreign} that no earlier result there lists, so it is not replaced. Move it away, or choose another folder for --download`,
    );
  }
  if (earlier !== undefined && !overwrite) {
    throw new MapReduceError(
      'OutputExistsError',
      `the folder ${folder} already holds results (${MANIFEST_NAME}). Choose another, or add --overwrite to replace them`,
    );
  }
  return [...own].filter((name) => there.has(name));
}

/** Returns the names in those folders that these files are in. A link to a folder would lead elsewhere. */
async function namesInFolders(folder: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const below of new Set(names.flatMap(foldersOf))) {
    const kind = await kindOf(join(folder, below));
    if (kind === 'nothing') continue;
    if (kind === 'other') {
      throw new MapReduceError(
        'OutputExistsError',
        `${join(folder, below)} is not a folder, but the result has a folder of this name. Move it away, or choose another folder for --download`,
      );
    }
    for (const name of await readdir(join(folder, below))) found.push(`${below}/${name}`);
  }
  return found;
}

/** Undefined if the file is not a manifest of this package. */
async function earlierNames(path: string): Promise<string[] | undefined> {
  if (!(await lstat(path)).isFile()) return undefined;
  const earlier = parseResultManifest(await readFile(path, 'utf8'));
  return earlier === undefined ? undefined : listedNames(earlier);
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new MapReduceError(
      'UsageError',
      `nothing can be written to the folder ${folder} (${errnoOf(error)}). Choose another for --download`,
      { cause: error },
    );
  }
}

function unfinished(path: string): string {
  return `${path}.downloading`;
}

async function downloadPart(
  store: ObjectStore,
  {
    part,
    key,
    path,
    onBytes,
  }: { part: PartReport; key: string; path: string; onBytes: (bytes: number) => void },
): Promise<void> {
  let checksum = 0;
  // A stream of node:fs may open its file after the download has failed, and after the files of it have been removed.
  await using file = await open(path, 'wx');
  if (part.bytes > 0) {
    for await (const chunk of store.stream(key)) {
      checksum = crc32(chunk, checksum);
      onBytes(chunk.length);
      await file.writeFile(chunk);
    }
  }
  const found = crc32Text(checksum);
  if (found === part.crc32) return;
  throw new MapReduceError(
    'StorageError',
    `${store.location}/${key} has the checksum ${found}, and the manifest says ${part.crc32}: the object was changed after the job. Submit the job again`,
    { details: { objectKey: key } },
  );
}
