/** Runs one schedule in a folder of its own and checks what it leaves. */
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { problemsOf } from '../../../simulation/schedules/checks.ts';
import { playSchedule } from '../../../simulation/schedules/schedule.ts';
import type { ExpectedResult } from '../../../simulation/schedules/small-jobs.ts';

/** A schedule creates and removes a folder for each attempt. In memory, that takes a third of its CPU time less. */
const SCRATCH_PARENT = isWritable('/dev/shm') ? '/dev/shm' : tmpdir();

export interface ScheduleEnd {
  readonly problems: readonly string[];
  /** Whether an execution ended with a result. */
  readonly hasSucceeded: boolean;
  /** Whether anything went wrong in the simulated AWS. */
  readonly fired: boolean;
  readonly requests: number;
  /** CRC-32 of all lines of the trace: differs if anything happens in another order or at another time. */
  readonly traceCrc32: number;
}

/** @param trace  called with what happens */
export async function runSchedule(
  seed: number,
  expected: readonly ExpectedResult[],
  trace: (line: string) => void = () => {},
): Promise<ScheduleEnd> {
  const scratch = mkdtempSync(join(SCRATCH_PARENT, 'mapreduce-schedule-'));
  try {
    let traceCrc32 = 0;
    const played = await playSchedule(seed, {
      scratch,
      trace: (line) => {
        traceCrc32 = crc32(`${line}\n`, traceCrc32);
        trace(line);
      },
    });
    const { executions, bucket, faultsFired, functions, requests } = played;
    return {
      problems: problemsOf(played, (id) => expected[id]!),
      hasSucceeded: bucket.publishedAtMs.size > 0,
      fired: faultsFired > 0 || functions.troubled > 0 || executions.length > 1,
      requests,
      traceCrc32,
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** The lines of a trace that matter most when a schedule fails: the last ones, without writes of intermediates. */
export async function minimalTrace(seed: number, expected: readonly ExpectedResult[]): Promise<string[]> {
  const lines: string[] = [];
  await runSchedule(seed, expected, (line) => {
    if (!/ (written|deleted) (work|data)\//.test(line)) lines.push(line.slice(0, LINE_CHARACTERS_MAX));
  });
  const left = lines.length - TRACE_LINES_MAX;
  return left <= 0 ? lines : [`(${left} lines before)`, ...lines.slice(left)];
}

const TRACE_LINES_MAX = 60;
const LINE_CHARACTERS_MAX = 240;
