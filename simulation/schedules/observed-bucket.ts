/** Notes every change of a bucket, and which jobs have published a result while they owned the output. */
import { JOB_METADATA } from '../../src/commit/committed-part.ts';
import { OUTPUT_CLAIM_NAME, SUCCESS_NAME } from '../../src/report/result-names.ts';
import type { Bucket, StoredObject } from '../s3/bucket.ts';
import { bytesOf, piecesOf } from '../s3/stored-bytes.ts';
import type { World } from '../services.ts';

export interface Change {
  readonly atMs: number;
  readonly key: string;
  readonly kind: 'written' | 'deleted';
  /** The job that the object names in its metadata. */
  readonly writer: string | undefined;
  readonly etag: string;
  /** Whether the key already had an object. Not for damage that the schedule does. */
  readonly isReplaced: boolean;
}

/** What is known about one output. */
interface OutputState {
  owner: string | undefined;
  successOf: string | undefined;
}

export class ObservedBucket {
  readonly changes: Change[] = [];
  /** When each job first had both the output and its _SUCCESS there. */
  readonly publishedAtMs = new Map<string, number>();
  readonly #bucket: Bucket;
  readonly #world: World;
  readonly #present = new Set<string>();
  #isDamaging = false;
  readonly #outputs = new Map<string, OutputState>();
  readonly #onChange: (change: Change) => void;

  constructor(bucket: Bucket, { world, onChange }: { world: World; onChange: (change: Change) => void }) {
    this.#bucket = bucket;
    this.#world = world;
    this.#onChange = onChange;
    const remove = bucket.delete.bind(bucket);
    bucket.delete = (key) => {
      const found = bucket.find(key);
      remove(key);
      if (found !== undefined) this.#note(key, 'deleted', found);
    };
  }

  /** Called by S3 after each write. */
  written(key: string, object: StoredObject): void {
    this.#note(key, 'written', object);
  }

  text(key: string): string | undefined {
    const object = this.#bucket.find(key);
    return object === undefined ? undefined : Buffer.concat(piecesOfWhole(object)).toString('latin1');
  }

  keys(prefix: string): string[] {
    return this.#bucket.keys.filter((key) => key.startsWith(prefix));
  }

  put(key: string, text: string): StoredObject {
    return this.#bucket.put(key, bytesOf(Buffer.from(text)));
  }

  /** Changes a byte of an object, or removes it. Returns whether it was there. */
  damage(key: string, how: 'removed' | 'flipped' | 'cut', at: number): boolean {
    const object = this.#bucket.find(key);
    if (object === undefined) return false;
    if (how === 'removed') {
      this.#bucket.delete(key);
      return true;
    }
    const bytes = Buffer.from(Buffer.concat(piecesOfWhole(object)));
    if (bytes.length === 0) return false;
    const place = Math.floor(at * bytes.length);
    bytes[place]! ^= 0x40;
    const damaged = how === 'cut' ? bytes.subarray(0, place) : bytes;
    this.#isDamaging = true;
    this.#bucket.put(key, bytesOf(damaged), { metadata: object.metadata });
    this.#isDamaging = false;
    return true;
  }

  #note(key: string, kind: Change['kind'], object: StoredObject): void {
    const atMs = this.#world.clock.nowMs();
    const isReplaced = kind === 'written' && this.#present.has(key) && !this.#isDamaging;
    if (kind === 'written') this.#present.add(key);
    else this.#present.delete(key);
    const change: Change = {
      atMs,
      key,
      kind,
      writer: object.metadata[JOB_METADATA],
      etag: object.etag,
      isReplaced,
    };
    this.changes.push(change);
    this.#followOutput(change, object);
    this.#onChange(change);
  }

  #followOutput({ atMs, key, kind, writer }: Change, object: StoredObject): void {
    const slash = key.lastIndexOf('/') + 1;
    const name = key.slice(slash);
    if (name !== OUTPUT_CLAIM_NAME && name !== SUCCESS_NAME) return;
    const prefix = key.slice(0, slash);
    const state = this.#outputs.get(prefix) ?? { owner: undefined, successOf: undefined };
    this.#outputs.set(prefix, state);
    if (name === SUCCESS_NAME) state.successOf = kind === 'written' ? writer : undefined;
    else {
      const claim = Buffer.concat(piecesOfWhole(object)).toString();
      state.owner = kind === 'written' ? (JSON.parse(claim) as { jobId: string }).jobId : undefined;
    }
    if (state.owner === undefined || state.owner !== state.successOf) return;
    if (!this.publishedAtMs.has(state.owner)) this.publishedAtMs.set(state.owner, atMs);
  }

  ownerOf(prefix: string): string | undefined {
    return this.#outputs.get(prefix)?.owner;
  }

  successOf(prefix: string): string | undefined {
    return this.#outputs.get(prefix)?.successOf;
  }
}

function piecesOfWhole({ bytes }: StoredObject): Buffer[] {
  return [...piecesOf(bytes, { start: 0, end: bytes.sizeBytes, pieceBytesMax: Number.POSITIVE_INFINITY })];
}
