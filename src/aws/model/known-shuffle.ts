/** What is known of the shuffle once the map stage has ended: the requests of the reducers are then exact. */

import { sum, sumOf } from '../../base/sum.ts';
import { indexReads } from '../../shuffle/shuffle-index.ts';
import type { WrittenShuffle } from '../../stages/barrier-result.ts';
import type { DeploymentShape } from './job-shape.ts';
import type { KnownShuffle } from './point.ts';
import { getsOfCells, objectWrites } from './reads.ts';

export function knownShuffle(
  shuffle: WrittenShuffle,
  {
    objectsBytes,
    reducers,
    deployment,
  }: {
    /** The size of each shuffle object. */
    objectsBytes: readonly number[];
    reducers: number;
    deployment: Pick<DeploymentShape, 'taskMemoryMb' | 'stepMemoryMb'>;
  },
): KnownShuffle {
  const { taskMemoryMb, stepMemoryMb } = deployment;
  let [cells, cellGets, shuffleBytes, largestPartitionBytes] = [0, 0, 0, 0];
  for (let partition = 0; partition < reducers; partition++) {
    const sizes = shuffle.cellsBytes(partition);
    const bytes = sum(sizes);
    cells += sizes.length;
    cellGets += getsOfCells(sizes, taskMemoryMb);
    shuffleBytes += bytes;
    largestPartitionBytes = Math.max(largestPartitionBytes, bytes);
  }
  return {
    shuffleBytes,
    shuffleWrites: sumOf(objectsBytes, (bytes) => objectWrites(bytes, taskMemoryMb)),
    cells,
    largestPartitionBytes,
    cellGets,
    indexWrites: objectWrites(shuffle.indexBytes, stepMemoryMb),
    indexGets: indexReads({
      maps: objectsBytes.length,
      partitions: reducers,
      namesBytes: shuffle.namesBytes,
    }),
  };
}
