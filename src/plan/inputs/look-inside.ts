/**
 * The plan's look into its inputs: how each is compressed, told by its first bytes where its name does not say, before it
 * is cut into splits. A file whose name says it is compressed is taken at its word: its decoder finds out.
 */
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { fileKind, KIND_BYTES, notReadable } from '../../read/file-kind.ts';
import type { InputFile } from '../../read/input-file.ts';
import type { ObjectStore } from '../../storage/object-store.ts';

/**
 * @param isText  whether the format reads lines of text, so that other formats are refused
 * @throws CorruptInputError for what cannot be read as it is, and for a compressed file without a byte; what reading
 *   throws, InputChangedError among it
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

/** Even nothing, compressed, has bytes: such a file was cut short. */
function whole(file: InputFile): InputFile {
  if (file.sizeBytes > 0) return file;
  throw new MapReduceError(
    'CorruptInputError',
    `${file.key} has no bytes, and a ${file.compression} file has some even where it holds nothing: it was cut short. Copy it again, or remove it`,
    { details: { file: file.key } },
  );
}
