import type { ObjectInfo, ObjectStore, Upload } from './object-store.ts';

/**
 * Appends an object to an upload in the same store. If the upload supports it, the store copies the bytes; otherwise they
 * are read and written here.
 *
 * If the object has changed since, this throws PreconditionFailedError, or complete() of the upload does.
 *
 * @param object  from head() or a write
 * @param following  the maximum number of objects appended after this one, if known; see Upload.append()
 * @param onChunk  called for each chunk of an object that is read and written as a whole; not if the store copies any of it
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
    return await upload.append(object, { onChunk, ...(following === undefined ? {} : { following }) });
  }
  for await (const chunk of store.stream(object.key, { ifMatch: object.etag })) {
    onChunk(chunk);
    await upload.write(chunk);
  }
}
