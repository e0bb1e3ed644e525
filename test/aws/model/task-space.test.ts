import { describe, expect, it } from 'vitest';
import { spaceNotices } from '../../../src/aws/model/task-space.ts';
import { GiB } from '../../../src/base/limits.ts';
import { textLines } from '../../../src/formats/text/text-lines.ts';
import { cutSplits, defaultReducers, splitSizing } from '../../../src/plan/splits.ts';
import type { InputFile } from '../../../src/read/input-file.ts';

const DEFAULT = { memoryMb: 1_769, scratchMb: 10_240 };

function file(sizeBytes: number, compression: InputFile['compression'] = 'none'): InputFile {
  return { key: 'data/a', sizeBytes, etag: 'v1', compression };
}

/** A job over these files, with the default sizes unless others are given. */
function jobOver(
  files: readonly InputFile[],
  { splitSizeBytes, reducers }: { splitSizeBytes?: number; reducers?: number } = {},
) {
  const sizing = splitSizing(files, splitSizeBytes);
  const splits = cutSplits([{ source: textLines(), files }], { ...sizing, params: {} });
  return { splits, reducers: reducers ?? defaultReducers(files[0]!.sizeBytes), combines: false };
}

describe('spaceNotices()', () => {
  it.each([1 * GiB, 625 * GiB, 1e12, 4_096 * GiB, 1e13])(
    'has nothing to say about a sort of %d bytes with the default sizes in the default function',
    (sizeBytes) => {
      expect(spaceNotices(jobOver([file(sizeBytes)]), DEFAULT)).toEqual([]);
    },
  );

  it('says how large /tmp or how small splits must be if the spills of a map task may not fit', () => {
    const job = jobOver([file(5.5 * GiB), file(1 * GiB)], { splitSizeBytes: 3 * GiB, reducers: 100 });

    expect(spaceNotices(job, { memoryMb: 1_769, scratchMb: 2_048 })).toEqual([
      "map task m-00000 (and 1 more) reads 3.22 GB. If the job emits as much as it reads, the task's spills may not fit its 2048 MiB of /tmp, and the job fails. Choose smaller splits (splitSizeBytes), or deploy with a scratchSize of at least 3072 MiB",
    ]);
    expect(spaceNotices(job, DEFAULT)).toEqual([]);
  });

  it('counts a compressed file by what it decompresses to, and knows that it cannot be cut', () => {
    const job = jobOver([file(3 * GiB, 'gzip')]);

    expect(spaceNotices(job, DEFAULT)).toEqual([
      "map task m-00000 reads 3.22 GB, about 12.9 GB decompressed. If the job emits as much as it reads, the task's spills may not fit its 10240 MiB of /tmp, and the job fails. Compress the input as several smaller files, since a compressed file is never cut",
    ]);
  });

  it('says how many reducers there must be if they merge too much in /tmp', () => {
    const job = jobOver([file(1e12)], { reducers: 20 });

    const [notice, ...others] = spaceNotices(job, DEFAULT);

    expect(others).toEqual([]);
    expect(notice).toBe(
      'a reduce task opens at most 512 of the 932 outputs of map tasks at once, and merges the others in /tmp first: about 22.6 GB, if the job emits as much as it reads. That may not fit its 10240 MiB of /tmp, and the job fails. Use at least 43 reducers (reducers)',
    );
    expect(spaceNotices({ ...job, reducers: 43 }, DEFAULT)).toEqual([]);
  });

  it('says nothing about a job that spills nothing or little', () => {
    const job = jobOver([file(64 * GiB)], { splitSizeBytes: 4 * GiB });
    const small = { memoryMb: 1_769, scratchMb: 512 };

    expect(spaceNotices(job, small)).toHaveLength(1);
    expect(spaceNotices({ ...job, reducers: 0 }, small)).toEqual([]);
    expect(spaceNotices({ ...job, combines: true }, small)).toEqual([]);
    // The split fits the sort buffer.
    expect(spaceNotices(jobOver([file(4 * GiB)]), { memoryMb: 1_769, scratchMb: 16 })).toEqual([]);
  });
});
