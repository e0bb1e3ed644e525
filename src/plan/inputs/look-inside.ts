/**
 * Finds out how each input is compressed before it is cut into splits: by its name, otherwise by its first bytes. A name that
 * shows compression is trusted here; the decoder reports if it is wrong.
 */
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { fileKind, KIND_BYTES, notReadable } from '../../read/file-kind.ts';
import type { InputFile } from '../../read/input-file.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

/**
 * @param isText  whether the format reads lines of text, so that other formats are refused
 * @throws CorruptInputError for a file of a format that cannot be read, and for an empty compressed file; errors of reading,
 *   such as InputChangedError
 */
export async function lookInside(
  files: readonly InputFile[],
  { store, isText, check = () => {} }: { store: ObjectStore; isText: boolean; check?: () => void },
): Promise<InputFile[]> {
  return await mapBounded(files, LIMITS.inputLooksMax, async (file) => {
    check();
    if (file.compression !== 'none') return whole(file);
    if (file.sizeBytes === 0) return file;
    const head = await store.get(file.key, {
      range: { start: 0, end: Math.min(KIND_BYTES, file.sizeBytes) },
      ifMatch: file.etag,
    });
    const found = fileKind(head, { isText });
    if (found.kind !== 'refused') return found.kind === 'none' ? file : { ...file, compression: found.kind };
    throw notReadable(file.key, found);
  });
}

/** A compressed file has bytes even if its contents are empty, so an empty one was truncated. */
function whole(file: InputFile): InputFile {
  if (file.sizeBytes > 0) return file;
  throw new MapReduceError(
    'CorruptInputError',
    `${file.key} is empty, but a ${file.compression} file never is: it was truncated. Copy it again, or remove it`,
    { details: { file: file.key } },
  );
}
