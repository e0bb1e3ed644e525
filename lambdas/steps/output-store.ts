/**
 * The store to which the commit of one job writes. Objects of the output name the job in their metadata, and replace only
 * objects that this job or an earlier owner wrote. So a job that has lost its output since its last check cannot replace a
 * part of the next owner's result.
 */
import type { Clock } from '../../src/base/clock.ts';
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

/** How often an earlier owner may replace an object while this job writes it. */
const WRITES_MAX = 5;

export class OutputStore extends TurnTakingStore {
  readonly #inner: ObjectStore;
  readonly #output: JobOutput;
  readonly #claim: OutputClaim;

  constructor(
    inner: ObjectStore,
    { output, claim, clock }: { output: JobOutput; claim: OutputClaim; clock: Clock },
  ) {
    super(inner, clock);
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
          // Throws an error that names the next owner if the object is now theirs.
          await this.#condition(key);
          throw new MapReduceError(
            'StorageError',
            `${this.location}/${key} was replaced while this job wrote it`,
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

  /** @throws OutputExistsError for an object that neither this job nor an earlier owner wrote */
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
