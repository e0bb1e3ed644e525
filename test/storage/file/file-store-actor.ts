/**
 * Runs the acts of file-store.test.ts in other threads and processes. A worker receives an Act as workerData and posts its
 * outcome; a process receives it as a JSON argument and prints the outcome.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { serializeError } from '../../../src/base/errors.ts';
import { FileStore } from '../../../src/storage/file/file-store.ts';
import { keysOf } from '../../helpers/keys-of.ts';

export type Act =
  /** Puts each key with ifNoneMatch, starting at a common moment. The outcome is the keys won. */
  | {
      readonly act: 'race';
      readonly root: string;
      readonly writer: string;
      readonly keys: number;
      readonly startMs: number;
    }
  /** Puts one key again and again, with its size as metadata, until another key exists. The outcome is how often. */
  | { readonly act: 'replace'; readonly root: string; readonly key: string; readonly until: string }
  /** Uploads zeros until it fails, then aborts. The outcome is the error and the files left. */
  | { readonly act: 'fill'; readonly root: string; readonly sizeBytesMax: number }
  /** Starts an upload, and kills its own process in the middle. */
  | { readonly act: 'die'; readonly root: string }
  /** Opens streams until it fails. */
  | { readonly act: 'hoard'; readonly root: string };

export interface FillOutcome {
  readonly errorName: string;
  readonly message: string;
  readonly keysAfter: readonly string[];
  readonly smallPutWorks: boolean;
}

if (isMainThread) {
  process.stdout.write(JSON.stringify((await perform(JSON.parse(process.argv[2]!) as Act)) ?? null));
  process.exit(0);
}
parentPort?.postMessage(await perform(workerData as Act));

async function perform(act: Act): Promise<unknown> {
  const store = new FileStore({ root: act.root });
  switch (act.act) {
    case 'race': {
      const won: string[] = [];
      await sleep(Math.max(0, act.startMs - Date.now()));
      for (let i = 0; i < act.keys; i++) {
        const key = `contested/${i}`;
        try {
          await store.put(key, Buffer.from(act.writer.repeat(1000)), {
            ifNoneMatch: '*',
            metadata: { writer: act.writer },
          });
          won.push(key);
        } catch (error) {
          if ((error as Error).name !== 'PreconditionFailedError') throw error;
        }
      }
      return won;
    }
    case 'replace': {
      for (let size = 0; ; size++) {
        await store.put(act.key, Buffer.alloc(size), { metadata: { size: String(size) } });
        if ((await store.head(act.until)) !== undefined) return size + 1;
      }
    }
    case 'fill': {
      const upload = await store.upload('folder/large');
      try {
        for (let size = 0; size < act.sizeBytesMax; size += 64 * 1024)
          await upload.write(Buffer.alloc(64 * 1024));
        await upload.complete();
        return undefined;
      } catch (error) {
        const refused = await upload.complete().catch((again: unknown) => again);
        if (refused !== error) throw new Error('complete() did not repeat the failure of write()');
        await upload.abort();
        await store.put('small', Buffer.from('small'));
        const keysAfter = await keysOf(store);
        const { name, message } = serializeError(error);
        return { errorName: name, message, keysAfter, smallPutWorks: true } satisfies FillOutcome;
      }
    }
    case 'die': {
      const upload = await store.upload('folder/never', { metadata: { attempt: '1' } });
      await upload.write(Buffer.alloc(100_000));
      process.kill(process.pid, 'SIGKILL');
      return sleep(60_000);
    }
    case 'hoard': {
      await store.put('a', Buffer.from('abc'));
      const streams: AsyncIterator<Buffer>[] = [];
      try {
        for (;;) {
          const stream = store.stream('a', { chunkSizeBytes: 1 });
          streams.push(stream);
          await stream.next();
        }
      } catch (error) {
        for (const stream of streams) await stream.return?.();
        const { name, message } = serializeError(error);
        return { errorName: name, message };
      }
    }
  }
}
