import type { ErrorDetails } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import type { TaskSpec } from '../../plan/task.ts';

/** Where in its input an attempt was last seen. All that is left of a worker that died. */
export interface LastPosition {
  /** For messages, empty when nothing is known: ` while it read the chunk that starts at byte 65536 of /data/a.txt`. */
  readonly text: string;
  readonly details: ErrorDetails;
}

export function lastPosition(spec: TaskSpec, progress: Readonly<Progress> | undefined): LastPosition {
  const piece = spec.stage === 'map' && progress ? spec.split.pieces[progress.pieceIndex] : undefined;
  if (!piece || !progress) return { text: '', details: {} };
  const file = piece.file.key;
  const offsetBytes = progress.chunkOffsetBytes;
  return {
    text: ` while it read the chunk that starts at byte ${offsetBytes} of ${file}`,
    details: { file, offsetBytes },
  };
}
