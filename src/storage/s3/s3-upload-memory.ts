/**
 * Decides the size of the parts of uploads. Large parts cost fewer requests but more memory: an upload holds the part that is
 * being filled and those in flight. All uploads of a store share one budget; a part is a third of an upload's share, rounded
 * down to a power of two:
 *
 *     share of an upload     | filling | in flight | in flight |          parts of 8 to 64 MiB
 *
 * A task writes one object, so its parts are large. A task that writes into many folders has many uploads, whose parts have
 * the smallest size. S3 does not mind when the size changes within an upload.
 *
 * PUTs of 8 MiB cost $0.60 for each terabyte that is written, PUTs of 64 MiB cost $0.07.
 */
import type { S3Limits } from './s3-limits.ts';

const PARTS_PER_UPLOAD = 3;

export type UploadMemoryLimits = Pick<S3Limits, 'uploadBytes' | 'partBytesMin' | 'partBytesMax'>;

export class UploadMemory {
  readonly #limits: UploadMemoryLimits;
  #uploads = 0;

  constructor(limits: UploadMemoryLimits) {
    this.#limits = limits;
  }

  /** Called when an upload starts; the result when it has ended. Further calls of the result do nothing. */
  open(): () => void {
    this.#uploads += 1;
    let isOpen = true;
    return () => {
      if (isOpen) this.#uploads -= 1;
      isOpen = false;
    };
  }

  /** The size of the next part of each upload, unless S3's bound on the number of parts demands a larger one. */
  get partBytes(): number {
    const { partBytesMin, partBytesMax } = this.#limits;
    const fitting = 2 ** Math.floor(Math.log2(Math.max(1, this.#shareBytes / PARTS_PER_UPLOAD)));
    return Math.max(partBytesMin, Math.min(partBytesMax, fitting));
  }

  /** Bytes of each upload's parts in flight; at least one part may be, whatever its size. */
  get inFlightBytesMax(): number {
    return Math.max(0, this.#shareBytes - this.partBytes);
  }

  get #shareBytes(): number {
    return Math.floor(this.#limits.uploadBytes / Math.max(1, this.#uploads));
  }
}
