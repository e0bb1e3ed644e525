/**
 * What the errors of S3 and the network mean. `faultOf` decides how the store reacts to an error, `S3Failure` carries it
 * through the store, and `toStoreError` explains it to the user: what was requested, where, how S3 responded, and what
 * to do.
 *
 *     missing, precondition, range     results in the form of errors
 *     no-upload, conflict              outcomes of a completing call: see s3-commit.ts
 *     passing, throttled               worth another attempt
 *     cancelled                        the reader or writer has stopped
 *     refused                          only the caller can fix it
 */
import { MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { formatDuration } from '../../base/quantities.ts';
import { objectNotFound } from '../conditions.ts';

export type S3Fault =
  | 'missing'
  | 'precondition'
  | 'range'
  | 'no-upload'
  | 'conflict'
  | 'passing'
  | 'throttled'
  | 'cancelled'
  | 'refused';

/** The calls that the store makes, and the IAM action that permits each. */
export const S3_PERMISSIONS = {
  GetObject: 's3:GetObject',
  HeadObject: 's3:GetObject',
  PutObject: 's3:PutObject',
  CreateMultipartUpload: 's3:PutObject',
  UploadPart: 's3:PutObject',
  // For the source object; the upload to the target has been started before.
  UploadPartCopy: 's3:GetObject',
  CompleteMultipartUpload: 's3:PutObject',
  AbortMultipartUpload: 's3:AbortMultipartUpload',
  ListObjectsV2: 's3:ListBucket',
  DeleteObject: 's3:DeleteObject',
  DeleteObjects: 's3:DeleteObject',
} as const;

export type S3Operation = keyof typeof S3_PERMISSIONS;

/** One request of the store, for messages. `key` is the key in the bucket, and includes the store's prefix. */
export interface S3Call {
  readonly operation: S3Operation;
  readonly bucket: string;
  readonly prefix: string;
  readonly key: string;
}

/** The key without the store's prefix, as users of the store know it. */
export function objectKeyOf({ prefix, key }: S3Call): string {
  return key.slice(prefix.length);
}

/** There was no response in time, or its body ended early. */
export class S3Interrupted extends Error {
  override readonly name = 'S3Interrupted';
}

/** The reader or writer has stopped, so the response is not needed. */
export class S3Cancelled extends Error {
  override readonly name = 'S3Cancelled';

  constructor() {
    super('the caller has stopped waiting for it');
  }
}

export class S3Failure extends Error {
  override readonly name = 'S3Failure';
  readonly fault: S3Fault;
  readonly call: S3Call;
  readonly attempts: number;
  /** How long S3 had throttled the request when time was up. */
  readonly throttledMs: number | undefined;
  /** For a write: whether an attempt with an unknown result may have been executed. */
  readonly maybeDone: boolean;

  constructor(
    cause: unknown,
    {
      call,
      attempts,
      maybeDone,
      throttledMs,
    }: { call: S3Call; attempts: number; maybeDone: boolean; throttledMs?: number },
  ) {
    super(`${call.operation} of s3://${call.bucket}/${call.key} failed`, { cause });
    this.fault = faultOf(cause);
    this.call = call;
    this.attempts = attempts;
    this.maybeDone = maybeDone;
    this.throttledMs = throttledMs;
  }
}

export function faultOf(error: unknown): S3Fault {
  const { code, status, isAnswer } = describe(error);
  if (error instanceof S3Cancelled) return 'cancelled';
  if (error instanceof S3Interrupted) return 'passing';
  // The code comes first: CompleteMultipartUpload may fail with status 200.
  if (isThrottle(code, messageOf(error), isAnswer)) return 'throttled';
  if (PASSING_CODES.has(code) || NETWORK_CODES.has(errnoOf(error) ?? code)) return 'passing';
  if (code === 'NoSuchUpload') return 'no-upload';
  if (code === 'NoSuchBucket') return 'refused';
  if (code === 'NoSuchKey' || status === 404) return 'missing';
  if (status === 412) return 'precondition';
  if (status === 416) return 'range';
  if (status === 409) return 'conflict';
  if (status === 429 || status === 503) return 'throttled';
  if (status >= 500) return 'passing';
  // The SDK could not parse a successful response, or its bytes: both happen when a connection breaks.
  if (isAnswer && status >= 200 && status < 300) return 'passing';
  if (/checksum mismatch|socket hang up|aborted/i.test(messageOf(error))) return 'passing';
  return 'refused';
}

export function isPassing(error: unknown): boolean {
  const fault = faultOf(error);
  return fault === 'passing' || fault === 'throttled';
}

/** How often the SDK sent the failed request: once, unless the client retries. If unknown, more than once is assumed. */
export function sentByClient(error: unknown): number {
  return describe(error).attempts ?? 2;
}

export function toStoreError(error: unknown, region: string | undefined): unknown {
  if (!(error instanceof S3Failure)) return error;
  const { call, cause, fault } = error;
  const where = `s3://${call.bucket}/${call.key}`;
  const objectKey = objectKeyOf(call);
  const details = objectKey === '' ? {} : { objectKey };
  switch (fault) {
    case 'missing':
      return objectNotFound(where, objectKey, cause);
    case 'refused':
      return isDefect(cause)
        ? cause
        : new MapReduceError('UsageError', refusal(error, region), { details, cause });
    case 'precondition':
    case 'range':
    case 'no-upload':
    case 'conflict':
    case 'passing':
    case 'throttled':
    case 'cancelled':
      return new MapReduceError('StorageError', passingMessage(error), { details, cause });
  }
}

function passingMessage(failure: S3Failure): string {
  const { call, cause, attempts, throttledMs } = failure;
  const what = `${call.operation} of s3://${call.bucket}/${call.key}`;
  const tries = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  if (throttledMs !== undefined) {
    return (
      `S3 throttled ${what} for ${formatDuration(throttledMs)} (${tries}), until no time was left: ${said(cause)}. ` +
      'Send fewer requests at once: lower maxConcurrency, larger splits (splitSizeBytes) or fewer reducers. ' +
      'S3 allows more requests per second after a bucket has been busy for some minutes, so running the job again may be enough.'
    );
  }
  const advice =
    errnoOf(cause) === 'ECONNREFUSED'
      ? ' Nothing listens at that address: check AWS_ENDPOINT_URL, and that the emulator is running.'
      : '';
  return `${what} failed${attempts === 1 ? '' : ` after ${tries}`}: ${said(cause)}.${advice}`;
}

/** For errors that another attempt cannot fix. */
function refusal({ call, cause }: S3Failure, region: string | undefined): string {
  const { code, status, bucketRegion } = describe(cause);
  const { operation, bucket, key } = call;
  const where = `s3://${bucket}/${key}`;
  const here = region === undefined ? 'the client' : `region ${region}`;
  if (code === 'NoSuchBucket') {
    return `there is no bucket '${bucket}' (looked in ${here}). Check its name, the account and the region, or deploy the stack that creates it.`;
  }
  if (WRONG_REGION_CODES.has(code) || status === 301) {
    const there = bucketRegion === undefined ? 'another region' : `region ${bucketRegion}`;
    const next = bucketRegion === undefined ? "the bucket's region" : bucketRegion;
    return `bucket '${bucket}' is in ${there}, but was requested in ${here}. Set AWS_REGION=${next}.`;
  }
  if (EXPIRED_CODES.has(code)) {
    return `the AWS credentials have expired (${code}) in ${operation} of ${where}. Sign in again ('aws sso login', or new keys) and run the command again.`;
  }
  if (CREDENTIAL_CODES.has(code) || /could not load credentials/i.test(messageOf(cause))) {
    return `AWS rejected the credentials (${said(cause)}) in ${operation} of ${where}. Check AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; 'aws sts get-caller-identity' shows whose they are.`;
  }
  if (code === 'InvalidObjectState') {
    return `${where} is archived (S3 Glacier) and cannot be read. Restore it first, or remove it from the inputs.`;
  }
  if (status === 403) return accessDenied(call, cause);
  if (status === 400 && operation === 'HeadObject') {
    return `S3 refused ${operation} of ${where} with HTTP 400 and no reason; expired credentials or a wrong region (now ${here}) cause that. Sign in again and check AWS_REGION.`;
  }
  return `S3 refused ${operation} of ${where}: ${said(cause)}.`;
}

function accessDenied({ operation, bucket, key }: S3Call, cause: unknown): string {
  const action = S3_PERMISSIONS[operation];
  const resource = action === 's3:ListBucket' ? `arn:aws:s3:::${bucket}` : `arn:aws:s3:::${bucket}/${key}`;
  const reads = action === 's3:GetObject';
  const absent = reads
    ? ` If the object may not exist, also grant s3:ListBucket on arn:aws:s3:::${bucket}: without it, S3 returns the same error for an object that does not exist.`
    : '';
  return (
    `access denied: ${operation} of s3://${bucket}/${key} (${said(cause)}). ` +
    `Grant ${action} on ${resource} to the caller; if the bucket has a KMS key of its own, ` +
    `also ${reads ? 'kms:Decrypt' : 'kms:GenerateDataKey and kms:Decrypt'} on that key.${absent}`
  );
}

/** Whether this is an error of this program and not of S3, which is passed on unchanged. */
function isDefect(error: unknown): boolean {
  const { isAnswer, code } = describe(error);
  return (
    !isAnswer &&
    !CREDENTIAL_CODES.has(code) &&
    !EXPIRED_CODES.has(code) &&
    !/credentials|region/i.test(messageOf(error))
  );
}

interface Described {
  readonly code: string;
  /** 0 if there was no response. */
  readonly status: number;
  readonly isAnswer: boolean;
  readonly bucketRegion: string | undefined;
  readonly requestId: string | undefined;
  /** How often the SDK sent the request. */
  readonly attempts: number | undefined;
}

// The cast names the optional fields of the SDK's errors, whose classes do not cover errors of the network.
function describe(error: unknown): Described {
  const { name, $metadata, $response, Region } = (error ?? {}) as {
    name?: string;
    $metadata?: { httpStatusCode?: number; attempts?: number; requestId?: string };
    $response?: { statusCode?: number; headers?: Record<string, string> };
    Region?: string;
  };
  const status = $metadata?.httpStatusCode ?? $response?.statusCode ?? 0;
  return {
    code: name ?? '',
    status,
    isAnswer: status > 0,
    requestId: $metadata?.requestId,
    attempts: $metadata?.attempts,
    bucketRegion: $response?.headers?.['x-amz-bucket-region'] ?? Region,
  };
}

/** 'SlowDown: Please reduce your request rate (HTTP 503, request 4TZ...)'. */
function said(error: unknown): string {
  const { code, status, requestId } = describe(error);
  const facts = [
    ...(status > 0 ? [`HTTP ${status}`] : []),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ].join(', ');
  const message = messageOf(error).replace(/\.$/, '');
  const plain = code === '' || code === 'Error' || code === 'S3Interrupted' || message === code;
  return `${plain ? message : `${code}: ${message}`}${facts === '' ? '' : ` (${facts})`}`;
}

/** The SDK throws a plain Error for a body that differs from its checksum: only its text says so. */
export function isChecksumMismatch(error: unknown): boolean {
  return error instanceof Error && /checksum/i.test(error.message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || (errnoOf(error) ?? error.name) : String(error);
}

/**
 * S3 returns SlowDown or ServiceUnavailable, its account-wide limits RequestLimitExceeded, KMS ThrottlingException, and
 * other stores with S3's protocol have codes of their own.
 */
const THROTTLED_CODE =
  /Throttl|^SlowDown|^TooManyRequests|^ServiceUnavailable|^(?:Request|Bandwidth)LimitExceeded$/;
const THROTTLED_MESSAGE = /reduce your request rate/i;

function isThrottle(code: string, message: string, isAnswer: boolean): boolean {
  return THROTTLED_CODE.test(code) || (isAnswer && THROTTLED_MESSAGE.test(message));
}

/** BadDigest and similar: bytes were damaged in transit. RequestTimeTooSkewed: the SDK corrects its clock afterwards. */
const PASSING_CODES = new Set([
  'InternalError',
  'RequestTimeout',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentChecksumMismatch',
  'RequestTimeTooSkewed',
  'TimeoutError',
  'TemporaryRedirect',
]);

const NETWORK_CODES = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ABORT_ERR',
]);

const EXPIRED_CODES = new Set(['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired']);
const CREDENTIAL_CODES = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'InvalidClientTokenId',
  'UnrecognizedClientException',
  'CredentialsProviderError',
  'TokenProviderError',
]);
const WRONG_REGION_CODES = new Set([
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
]);
