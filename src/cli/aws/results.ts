/** The results of a job on the bucket: a look at them, and the way from there into a folder of this machine. */
import { createWriteStream } from 'node:fs';
import { access, constants, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { isResultName, MANIFEST_NAME, REPORT_NAME, SUCCESS_NAME } from '../../commit/layout.ts';
import { crc32Text } from '../../crc32-text.ts';
import { MapReduceError } from '../../errors.ts';
import { mapBounded } from '../../map-bounded.ts';
import type { JobReport, PartReport } from '../../report.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { FIRST_LINES_BYTES_MAX, firstLinesOf } from '../first-lines.ts';
import type { FirstLines } from '../summary.ts';

/** Parts on their way at once; each is read ahead by the store. */
const PARTS_AT_ONCE_MAX = 4;

/** Of the first part that holds a record; undefined when none does. */
export async function firstStoredLines(
  store: ObjectStore,
  outputPrefix: string,
  parts: readonly PartReport[],
): Promise<FirstLines | undefined> {
  const part = parts.find(({ records }) => records > 0);
  if (part === undefined) return undefined;
  const range = { start: 0, end: FIRST_LINES_BYTES_MAX };
  const bytes = await store.get(`${outputPrefix}${part.name}`, { range });
  return firstLinesOf(part.name, bytes.toString('utf8'));
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
 * Parts, then manifest.json and the report, then _SUCCESS: who finds that finds a whole result. Each part's checksum is compared with
 * the manifest's.
 *
 * @throws OutputExistsError when the folder holds results
 */
export async function downloadResults(
  store: ObjectStore,
  { report, page, outputPrefix, folder, overwrite, onBytes }: Download,
): Promise<void> {
  await makeFolder(folder);
  const before = (await readdir(folder)).filter(isResultName);
  if (before.length > 0 && !overwrite) {
    throw new MapReduceError(
      'OutputExistsError',
      `the folder ${folder} already holds results (${before[0]}). Choose another, or add --overwrite to replace them`,
    );
  }
  const paths = report.parts.map(({ name }) => join(folder, name));
  try {
    await mapBounded(report.parts, PARTS_AT_ONCE_MAX, (part, index) =>
      downloadPart(store, {
        part,
        key: `${outputPrefix}${part.name}`,
        path: unfinished(paths[index]!),
        onBytes,
      }),
    );
    const manifest = await store.get(`${outputPrefix}${MANIFEST_NAME}`);
    // What was there before goes when all that replaces it has come.
    await rm(join(folder, SUCCESS_NAME), { force: true });
    for (const name of before) await rm(join(folder, name), { force: true });
    for (const path of paths) await rename(unfinished(path), path);
    await writeFile(join(folder, MANIFEST_NAME), manifest);
    await writeFile(join(folder, REPORT_NAME), page);
    await writeFile(join(folder, SUCCESS_NAME), '');
  } finally {
    for (const path of paths) await rm(unfinished(path), { force: true });
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (error) {
    throw new MapReduceError(
      'UsageError',
      `nothing can be written to the folder ${folder} (${(error as NodeJS.ErrnoException).code}). Choose another for --download`,
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
  await pipeline(async function* () {
    if (part.bytes === 0) return;
    for await (const chunk of store.stream(key)) {
      checksum = crc32(chunk, checksum);
      onBytes(chunk.length);
      // The store uses its buffer again, and the file may still be writing this one.
      yield Buffer.from(chunk);
    }
  }, createWriteStream(path));
  const found = crc32Text(checksum);
  if (found === part.crc32) return;
  throw new MapReduceError(
    'StorageError',
    `${store.location}/${key} has the checksum ${found}, and the manifest says ${part.crc32}: the object was changed after the job. Submit the job again`,
    { details: { objectKey: key } },
  );
}
