import type { ErrorDetails } from '../../base/errors.ts';
import type { Progress } from '../../base/progress.ts';
import type { TaskSpec } from '../../plan/task.ts';

/** The last known position of an attempt in its input. It is all that remains of a worker that died. */
export interface LastPosition {
  /** Used in messages: ` while it was reading the chunk at byte 65536 of /data/a.txt`. Empty if the position is unknown. */
  readonly text: string;
  readonly details: ErrorDetails;
}

export function lastPosition(spec: TaskSpec, progress: Readonly<Progress> | undefined): LastPosition {
  const piece = spec.stage === 'map' && progress ? spec.split.pieces[progress.pieceIndex] : undefined;
  if (!piece || !progress) return { text: '', details: {} };
  const file = piece.file.key;
  if (file === '') return { text: ' while it was generating records', details: {} };
  const offsetBytes = progress.chunkOffsetBytes;
  return {
    text: ` while it was reading the chunk at byte ${offsetBytes} of ${file}`,
    details: { file, offsetBytes },
  };
}
