/**
 * Real asynchronous work in this process: calls of the file system and compression, which Node does in other threads. A
 * virtual clock that jumps while one is under way would change the order of events from run to run.
 */
import { createGunzip, createGzip, createZstdCompress, createZstdDecompress } from 'node:zlib';

/** Whether a call of the file system, a compression, or a callback for the next turn of the event loop is under way. */
export function hasRealWork(): boolean {
  if (compressing.size > 0) return true;
  return process.getActiveResourcesInfo().some((resource) => REAL_WORK.has(resource));
}

const REAL_WORK: ReadonlySet<string> = new Set(['FSReqPromise', 'FSReqCallback', 'CloseReq', 'Immediate']);

/** Node lists compressions among no resources. So this watches the native handles, by their methods write() and init(). */
interface NativeHandle {
  onerror?: (...details: unknown[]) => void;
}
interface NativePrototype {
  write(this: NativeHandle, ...input: unknown[]): unknown;
  init(this: NativeHandle, ...options: unknown[]): unknown;
  close(this: NativeHandle, ...nothing: unknown[]): unknown;
}

const compressing = new Set<NativeHandle>();

function watch(prototype: NativePrototype): void {
  const { write, init, close } = prototype;
  prototype.init = function (...options) {
    const watched = options.map((option) =>
      typeof option === 'function'
        ? function (this: NativeHandle, ...results: unknown[]): unknown {
            compressing.delete(this);
            return Reflect.apply(option, this, results);
          }
        : option,
    );
    return init.apply(this, watched);
  };
  prototype.write = function (...input) {
    compressing.add(this);
    const { onerror } = this;
    this.onerror = (...details) => {
      compressing.delete(this);
      onerror?.apply(this, details);
    };
    return write.apply(this, input);
  };
  prototype.close = function (...nothing) {
    compressing.delete(this);
    return close.apply(this, nothing);
  };
}

for (const stream of [createGunzip(), createGzip(), createZstdCompress(), createZstdDecompress()]) {
  // The cast: the handle is internal to Node. If it changes, the test of this file fails.
  const { _handle: handle } = stream as unknown as { _handle: NativeHandle };
  const prototype = Object.getPrototypeOf(handle) as NativePrototype & { isWatched?: true };
  if (!Object.hasOwn(prototype, 'isWatched')) {
    watch(prototype);
    prototype.isWatched = true;
  }
  stream.destroy();
}
