/**
 * The bucket as the commit of one job writes to it: an object of the output names the job in its metadata, and replaces
 * only what this job or an owner before it wrote. So a job that has lost its output since it last looked cannot replace
 * a part of its successor's result.
 */
import { isMapReduceError, MapReduceError } from '../../src/base/errors.ts';
import { JOB_METADATA, writerOf } from '../../src/commit/committed-part.ts';
import type {
  Metadata,
  ObjectInfo,
  ObjectStore,
  Upload,
  WriteCondition,
  WriteOptions,
} from '../../src/storage/object-store.ts';
import { isOfClaim, notOfAJob } from './output.ts';
import { type JobOutput, lost, type OutputClaim } from './output-claim.ts';
import { TurnTakingStore } from './turn-taking-store.ts';

/** How often an object may be replaced by an owner before while it is written. */
const WRITES_MAX = 5;

export class OutputStore extends TurnTakingStore {
  readonly #inner: ObjectStore;
  readonly #output: JobOutput;
  readonly #claim: OutputClaim;

  constructor(inner: ObjectStore, { output, claim }: { output: JobOutput; claim: OutputClaim }) {
    super(inner);
    this.#inner = inner;
    this.#output = output;
    this.#claim = claim;
  }

  override async put(key: string, body: Uint8Array, options: WriteOptions = {}): Promise<ObjectInfo> {
    if (!this.#isOfOutput(key)) return await super.put(key, body, options);
    const metadata = this.#withJob(options.metadata);
    let condition: WriteCondition = { ifNoneMatch: '*' };
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#inner.put(key, body, { metadata, ...condition });
      } catch (error) {
        if (!isMapReduceError(error, 'PreconditionFailedError') || attempt === WRITES_MAX) throw error;
        condition = await this.#condition(key);
      }
    }
  }

  override async upload(key: string, options: { metadata?: Metadata } = {}): Promise<Upload> {
    if (!this.#isOfOutput(key)) return await super.upload(key, options);
    const upload = await this.#inner.upload(key, { metadata: this.#withJob(options.metadata) });
    return {
      write: (chunk) => upload.write(chunk),
      ...(upload.append === undefined ? {} : { append: upload.append.bind(upload) }),
      complete: async () => {
        const condition = await this.#condition(key);
        try {
          return await upload.complete(condition);
        } catch (error) {
          if (!isMapReduceError(error, 'PreconditionFailedError')) throw error;
          // Says whose it is now, where it is a successor's.
          await this.#condition(key);
          throw new MapReduceError(
            'StorageError',
            `${this.location}/${key} was replaced while it was written`,
            {
              details: { objectKey: key },
              cause: error,
            },
          );
        }
      },
      abort: () => upload.abort(),
    };
  }

  #isOfOutput(key: string): boolean {
    return key.startsWith(this.#output.outputPrefix);
  }

  #withJob(metadata: Metadata = {}): Metadata {
    return { ...metadata, [JOB_METADATA]: this.#output.jobId };
  }

  /** @throws OutputExistsError for an object of a job that is not among the owners before */
  async #condition(key: string): Promise<WriteCondition> {
    const found = await this.#inner.head(key);
    if (found === undefined) return { ifNoneMatch: '*' };
    const writer = writerOf(found);
    if (isOfClaim(writer, this.#claim)) return { ifMatch: found.etag };
    throw writer === undefined
      ? notOfAJob(this.location, key)
      : lost(this.#inner, this.#output, { jobId: writer });
  }
}
