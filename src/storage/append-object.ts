import type { ObjectInfo, ObjectStore, Upload } from './object-store.ts';

/**
 * Appends an object to an upload to the same store. Where the upload can, the store copies the bytes; else they are read
 * and written here.
 *
 * Throws PreconditionFailedError, or the upload's complete() does, if the object is no longer the one that is meant.
 *
 * @param object  from head() or a write
 * @param following  how many objects at most will be appended after this one, if that is known; see Upload.append()
 * @param onChunk  called for each chunk that passes through here
 */
export async function appendObject(
  upload: Upload,
  {
    store,
    object,
    following,
    onChunk = () => {},
  }: { store: ObjectStore; object: ObjectInfo; following?: number; onChunk?: (chunk: Buffer) => void },
): Promise<void> {
  if (upload.append !== undefined) {
    return await upload.append(object, following === undefined ? {} : { following });
  }
  for await (const chunk of store.stream(object.key, { ifMatch: object.etag })) {
    onChunk(chunk);
    await upload.write(chunk);
  }
}
