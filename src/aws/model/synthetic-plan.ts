/** The plan of a job on input that does not exist, for questions such as: what would a terabyte cost? */
import { GiB, LIMITS } from '../../base/limits.ts';
import type { Source } from '../../formats/source.ts';
import { cutSplits, defaultReducers, splitSizing } from '../../plan/splits.ts';
import type { InputFile } from '../../read/input-file.ts';
import type { PlannedShape } from './job-shape.ts';

/** As tools of AWS write them. The number of files hardly matters: each may be cut anywhere. */
export const SYNTHETIC_FILE_BYTES = 16 * GiB;

export interface SyntheticInput {
  readonly inputBytes: number;
  readonly isMapOnly: boolean;
  readonly splitSizeBytes?: number | undefined;
  readonly reducers?: number | undefined;
}

/** Uncompressed files of up to 16 GiB that may be cut anywhere. */
export function syntheticPlan({
  inputBytes,
  isMapOnly,
  splitSizeBytes,
  reducers = defaultReducers(inputBytes),
}: SyntheticInput): PlannedShape & { readonly inputBytes: number } {
  const files = syntheticFiles(inputBytes);
  const splits = cutSplits([{ source: ANYWHERE, files }], {
    ...splitSizing(files, splitSizeBytes),
    params: {},
    splitsMax: LIMITS.tasksPerStageMax,
  });
  return {
    splits,
    inputBytes,
    inputFiles: files.length,
    settings: { reducers: isMapOnly ? 0 : reducers, partition: { kind: 'hash' } },
  };
}

export function syntheticFiles(inputBytes: number): InputFile[] {
  return Array.from({ length: Math.ceil(inputBytes / SYNTHETIC_FILE_BYTES) }, (_, index) => ({
    key: `file-${index}`,
    sizeBytes: Math.min(SYNTHETIC_FILE_BYTES, Math.round(inputBytes) - index * SYNTHETIC_FILE_BYTES),
    etag: '',
    compression: 'none' as const,
  }));
}

const ANYWHERE: Source<unknown> = {
  name: 'synthetic',
  counts: 'bytes',
  cuts: 'anywhere',
  read: () => {
    throw new Error('synthetic input has no records');
  },
};
