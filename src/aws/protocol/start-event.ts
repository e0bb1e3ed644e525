/**
 * The events that start an execution of the state machine: an upload below input/, an uploaded request, `mapreduce submit`,
 * or a redrive of a failed job.
 *
 * EventBridge delivers an event at least once. The version of the object distinguishes a second delivery from a second
 * upload of the same key; without versioning, S3's `sequencer` does. The job's id is derived from it.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { type JobId, jobId } from '../../base/ids.ts';
import { namedValues } from '../../base/named-values.ts';
import { jobIdSchema } from '../../base/schemas.ts';
import { FAILURE_SUFFIX, INPUT_PREFIX, REQUEST_SUFFIX, REQUESTS_PREFIX } from './keys.ts';
import { parseWith, strictFields, yesOrNo } from './parse.ts';

export interface UploadedObject {
  readonly bucket: string;
  readonly key: string;
  /** Version id or sequencer. */
  readonly version: string;
}

export type StartEvent =
  | { readonly kind: 'upload'; readonly object: UploadedObject; readonly app: string }
  | { readonly kind: 'request-object'; readonly object: UploadedObject }
  | { readonly kind: 'submit'; readonly jobId: JobId; readonly request: unknown }
  | {
      readonly kind: 'redrive';
      readonly jobId: JobId;
      /** Whether the tasks that are left may run other code than the job started with. */
      readonly allowOtherCode: boolean;
    }
  /** Folder markers, hidden names and failure notes start no job. */
  | { readonly kind: 'ignored'; readonly why: string };

const uploadSchema = v.object({
  source: v.literal('aws.s3'),
  detail: v.object({
    bucket: v.object({ name: v.string() }),
    object: v.object({
      key: v.string(),
      'version-id': v.optional(v.nullable(v.string())),
      sequencer: v.optional(v.nullable(v.string())),
      etag: v.optional(v.nullable(v.string())),
    }),
  }),
});

const submitSchema = strictFields({
  jobId: jobIdSchema,
  request: namedValues((_): _ is unknown => true, 'a value'),
});
const redriveSchema = strictFields({
  jobId: jobIdSchema,
  redrive: v.literal(true, ({ received }) => `must be true; received ${received}`),
  allowOtherCode: v.optional(yesOrNo, false),
});

/** @throws UsageError for any other input */
export function parseStartEvent(input: unknown): StartEvent {
  const what =
    'the input of the execution (an S3 event, {"jobId", "request": {...}}, or {"jobId", "redrive": true})';
  if (hasField(input, 'source')) return uploadEvent(parseWith(uploadSchema, input, what));
  if (hasField(input, 'redrive')) {
    const { jobId: job, allowOtherCode } = parseWith(redriveSchema, input, what);
    return { kind: 'redrive', jobId: job, allowOtherCode };
  }
  const submit = parseWith(submitSchema, input, what);
  return { kind: 'submit', jobId: submit.jobId, request: submit.request };
}

function hasField(input: unknown, name: string): boolean {
  return typeof input === 'object' && input !== null && Object.hasOwn(input, name);
}

/** Derives the id from the uploaded object: `word-count-3f...` for an upload, `daily-3f...` for requests/daily.json. */
export function derivedJobId(event: Extract<StartEvent, { object: UploadedObject }>): JobId {
  const { bucket, key, version } = event.object;
  const name =
    event.kind === 'upload' ? event.app : key.slice(REQUESTS_PREFIX.length, -REQUEST_SUFFIX.length);
  const readable =
    name
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 48) || 'job';
  const digest = createHash('sha256')
    .update(JSON.stringify([bucket, key, version]))
    .digest('hex')
    .slice(0, 16);
  return jobId(`${readable}-${digest}`);
}

function uploadEvent({ detail }: v.InferOutput<typeof uploadSchema>): StartEvent {
  const { key, sequencer, etag, ...rest } = detail.object;
  const object = {
    bucket: detail.bucket.name,
    key,
    // While versioning is suspended, all uploads have the version 'null'. For buckets without versioning, MiniStack sends
    // neither version nor sequencer; the ETag then distinguishes uploads of different bytes.
    version: (rest['version-id'] === 'null' ? undefined : rest['version-id']) ?? sequencer ?? etag ?? '',
  };
  if (key.startsWith(REQUESTS_PREFIX)) {
    if (key.endsWith(FAILURE_SUFFIX)) return { kind: 'ignored', why: `${key} is a failure note` };
    if (key.endsWith(REQUEST_SUFFIX)) return { kind: 'request-object', object };
    return { kind: 'ignored', why: `${key} does not end in ${REQUEST_SUFFIX}` };
  }
  if (!key.startsWith(INPUT_PREFIX)) return { kind: 'ignored', why: `${key} is not below ${INPUT_PREFIX}` };
  const [app = '', ...below] = key.slice(INPUT_PREFIX.length).split('/');
  if (key.endsWith('/')) return { kind: 'ignored', why: `${key} is a folder marker` };
  if (below.some((name) => /^[._]/.test(name))) return { kind: 'ignored', why: `${key} has a hidden name` };
  if (below.length === 0) {
    // Treat it as an upload without an app, so that it fails with a job id of its own.
    return { kind: 'upload', object, app: '' };
  }
  return { kind: 'upload', object, app };
}
