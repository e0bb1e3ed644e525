/**
 * Finds out how each input is compressed before it is cut into splits: by its name, otherwise by its first bytes. A name that
 * shows compression is trusted here; the decoder reports if it is wrong.
 */
import { MapReduceError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import type { PlainJson, Source } from '../../formats/source.ts';
import { fileKind, KIND_BYTES, notReadable } from '../../read/file-kind.ts';
import type { InputFile } from '../../read/input-file.ts';
import { inputError, namingFile } from '../../read/read-records.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { assertPlainJson } from '../assert-piece.ts';

/**
 * @param source  looks at the first bytes; if it reads text, files of other formats are refused
 * @throws CorruptInputError for a file of a format that cannot be read, and for an empty compressed file; errors of reading,
 *   such as InputChangedError
 */
export async function lookInside(
  files: readonly InputFile[],
  {
    store,
    source,
    check = () => {},
  }: {
    store: ObjectStore;
    source: Pick<Source<unknown>, 'isText' | 'look'> & { readonly name?: string };
    check?: () => void;
  },
): Promise<InputFile[]> {
  return await mapBounded(files, LIMITS.inputLooksMax, async (file) => {
    check();
    if (file.compression !== 'none') return whole(file);
    if (file.sizeBytes === 0) return file;
    const head = await store.get(file.key, {
      range: { start: 0, end: Math.min(KIND_BYTES, file.sizeBytes) },
      ifMatch: file.etag,
    });
    const { kind } = fileKind(head, { isText: false });
    if (kind === 'gzip' || kind === 'zstd') return { ...file, compression: kind };
    const look = lookAt(head, file, source);
    if (look !== undefined) return { ...file, look };
    const found = fileKind(head, { isText: source.isText === true });
    if (found.kind === 'refused') throw notReadable(file.key, found);
    return file;
  });
}

function lookAt(
  head: Buffer,
  file: InputFile,
  source: Pick<Source<unknown>, 'look'> & { readonly name?: string },
): PlainJson | undefined {
  try {
    const look = source.look?.(head);
    if (look !== undefined) assertPlainJson(look, `what look() of ${source.name} returned`);
    return look;
  } catch (error) {
    throw namingFile(inputError(error, source), file.key);
  }
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
