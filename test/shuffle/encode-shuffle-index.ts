import type { PartitionExtent } from '../../src/shuffle/run-writer.ts';
import { type IndexedObject, ShuffleIndexBuilder } from '../../src/shuffle/shuffle-index.ts';

export interface ObjectWithExtents extends IndexedObject {
  readonly extents: readonly PartitionExtent[];
}

/** Builds an index. It adds the footers in reverse, because their order must not matter. */
export function encodeShuffleIndex(objects: readonly ObjectWithExtents[], partitions: number): Buffer {
  const index = new ShuffleIndexBuilder(objects, partitions);
  for (const [map, { extents }] of [...objects.entries()].reverse()) index.add(map, extents);
  return index.finish();
}
