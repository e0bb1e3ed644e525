/** The errors with which the SDK reports what S3 answers. Each exists once: making the stacks of 100,000 errors takes seconds. */
import { S3ServiceException } from '@aws-sdk/client-s3';

function answer(name: string, httpStatusCode: number, message: string = name): S3ServiceException {
  const $fault = httpStatusCode >= 500 ? 'server' : 'client';
  return new S3ServiceException({ name, message, $fault, $metadata: { httpStatusCode, attempts: 1 } });
}

export const answers = {
  slowDown: answer('SlowDown', 503, 'Please reduce your request rate.'),
  internalError: answer('InternalError', 500, 'We encountered an internal error. Please try again.'),
  noSuchKey: answer('NoSuchKey', 404),
  noSuchUpload: answer('NoSuchUpload', 404),
  invalidRange: answer('InvalidRange', 416),
  invalidPart: answer('InvalidPart', 400),
  entityTooSmall: answer('EntityTooSmall', 400),
  preconditionFailed: answer('PreconditionFailed', 412),
  conflict: answer('ConditionalRequestConflict', 409),
} as const;

function network(code: string, message: string): Error {
  return Object.assign(new Error(message), { code, $metadata: { attempts: 1 } });
}

export const brokenConnection = network('ECONNRESET', 'socket hang up');
export const aborted = Object.assign(new Error('Request aborted'), { name: 'AbortError', code: 'ABORT_ERR' });
