/** The requests of a job that has run, derived from its report by the formulas of requests.ts: S3 does not bill by job. */
import { LIMITS } from '../../base/limits.ts';
import { sumOf } from '../../base/sum.ts';
import type { JobReport, StageReport } from '../../report/report.ts';
import { indexReads, shuffleIndexBytes } from '../../shuffle/shuffle-index.ts';
import { footerReads } from '../../shuffle/shuffle-object.ts';
import { chargedRequests } from '../../storage/s3/s3-charges.ts';
import { S3_LIMITS } from '../../storage/s3/s3-limits.ts';
import { ATTEMPT_CHECK_MS, ATTEMPT_CHECK_READS } from '../protocol/attempt-checks.ts';
import type { Usage } from './cost.ts';
import { INDEX_NAME_BYTES } from './evaluate.ts';
import { STEP_MEMORY_MB, TASK_MEMORY_MB } from './job-shape.ts';
import { cellGets, objectWrites } from './reads.ts';
import { requestRows } from './requests.ts';

/** Assumes that tasks of a stage are alike, and that each environment ran one task. It omits the watch (see watchOf). */
export function storageRequests(report: JobReport): Pick<Usage, 's3Writes' | 's3Reads'> {
  const { input, reducers } = report;
  const [map, reduce] = report.stages;
  const maps = map?.tasks ?? 0;
  const last = reduce ?? map;
  const attemptsPerTask = (stage: StageReport | undefined) =>
    stage === undefined || stage.tasks === 0 ? 1 : stage.attempts / stage.tasks;
  const bytesOf = (stage: StageReport | undefined, bytes: number) =>
    stage === undefined || stage.tasks === 0 ? 0 : bytes / stage.tasks;
  const writesOf = (stage: StageReport | undefined) =>
    (stage?.attempts ?? 0) * objectWrites(bytesOf(stage, stage?.bytesWritten ?? 0), TASK_MEMORY_MB);
  const namesBytes = maps * INDEX_NAME_BYTES;
  const partBytes = bytesOf(last, last?.bytesWritten ?? 0);
  const cells = { cells: maps, cellBytes: bytesOf(reduce, reduce?.bytesRead ?? 0) / Math.max(1, maps) };
  const { reads, writes } = chargedRequests(
    requestRows({
      files: input.files,
      inputNames: { prefixes: 1, keys: 0 },
      lookedFiles: input.files,
      sampleGets: 0,
      startedBy: 'command',
      maps,
      reducers,
      itemLists: report.stages.filter(({ tasks }) => tasks > LIMITS.inlineTasksMax).length,
      storedSplits: 0,
      inputGets: input.splits + Math.floor(input.bytes / S3_LIMITS.readRangeBytes),
      mapEnvironments: map?.attempts ?? 0,
      reduceEnvironments: reduce?.attempts ?? 0,
      shuffleWrites: writesOf(map),
      footerGets: maps * footerReads(reducers),
      indexWrites: objectWrites(
        shuffleIndexBytes({ maps, partitions: reducers }) + namesBytes,
        STEP_MEMORY_MB,
      ),
      indexGets: indexReads({ maps, partitions: reducers, namesBytes }) * attemptsPerTask(reduce),
      cellGets: (reduce?.attempts ?? 0) * cellGets(cells, TASK_MEMORY_MB),
      partWrites: writesOf(last),
      largeParts: partBytes > LIMITS.partBufferBytes ? (last?.tasks ?? 0) : 0,
      attemptChecks: sumOf(report.stages, looksOfAttempts),
      attemptCheckReads: ATTEMPT_CHECK_READS,
      watchLooks: 0,
      watchReads: 0,
      watchLists: 0,
    }),
  );
  return { s3Writes: writes, s3Reads: Math.round(reads) };
}

/** Takes the median for the time of each attempt. */
function looksOfAttempts({ attempts, taskTimes }: StageReport): number {
  return attempts * Math.floor((taskTimes?.medianMs ?? 0) / ATTEMPT_CHECK_MS);
}
