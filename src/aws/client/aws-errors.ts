/** Errors of AWS with what to do about them. Those of S3 are in src/storage/s3/s3-errors.ts. */
import { isMapReduceError, MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { missingConfiguration, profileProblem } from './aws-environment.ts';

export interface AwsCall {
  /** As IAM calls it: 'states:StartExecution'. */
  readonly action: string;
  /** ARN or name of the resource. */
  readonly on: string;
}

/** Makes a call. Its errors say what was asked for, what AWS answered, and what to do. */
export async function callAws<T>(call: AwsCall, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    throw awsError(error, call);
  }
}

export function awsError(
  error: unknown,
  call: AwsCall,
  environment: NodeJS.ProcessEnv = process.env,
): MapReduceError {
  if (isMapReduceError(error)) return error;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const usage = (text: string) => new MapReduceError('UsageError', text, { cause: error });
  const failed = `${call.action} on ${call.on} failed`;
  if (EXPIRED.has(name) || /token .*(is|has) expired|session has expired/i.test(message)) {
    return usage(
      `the AWS credentials have expired (${message}). Sign in again, for example with 'aws sso login${profileText(environment)}', and repeat the command`,
    );
  }
  const setUp = setUpProblem(error, environment);
  if (setUp !== undefined) return usage(setUp);
  if (INVALID_CREDENTIALS.has(name)) {
    return usage(
      `${failed}: AWS does not accept the credentials (${name}: ${message}). Check AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY${environment.AWS_ENDPOINT_URL === undefined ? '' : `; requests go to ${environment.AWS_ENDPOINT_URL} (AWS_ENDPOINT_URL)`}`,
    );
  }
  if (DENIED.test(name)) {
    return usage(
      `access denied: ${message}. This command needs ${call.action} on ${call.on}${grantText(call)}`,
    );
  }
  if (name === 'StateMachineDoesNotExist') {
    return usage(
      `there is no state machine ${call.on}. If the stack was redeployed, omit --state-machine and MAPREDUCE_STATE_MACHINE to find it by the stack's outputs`,
    );
  }
  if (name === 'ResourceNotFoundException' && call.action === 'lambda:InvokeFunction') {
    return usage(
      `${failed}: there is no such function (${message}). If somebody removed a version that the state machine invokes, deploy again with a changed setting, which publishes new versions; jobs that started with the removed one must be submitted again`,
    );
  }
  const unusable = connectionProblem(error, { failed, environment });
  if (unusable !== undefined) return usage(unusable);
  if (/^Throttl|TooManyRequests|RequestLimitExceeded/.test(name)) {
    return new MapReduceError(
      'StorageError',
      `${failed}: AWS throttles the calls of this account (${message}). Nothing is lost: wait a minute and repeat the command`,
      { cause: error },
    );
  }
  return new MapReduceError('StorageError', `${failed}: ${name}: ${message}`, { cause: error });
}

/** What is wrong with the caller's configuration; undefined for an error of any other kind. */
function setUpProblem(error: unknown, environment: NodeJS.ProcessEnv): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { name, message } = error;
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return (
      missingConfiguration(environment) ??
      `there are no usable AWS credentials (${message}). Set AWS_PROFILE, sign in, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for an emulator on this machine add --local`
    );
  }
  if (/region is missing/i.test(message)) {
    return (
      missingConfiguration(environment) ??
      'no AWS region is set. Set AWS_REGION, for example AWS_REGION=us-east-1, or a profile with a region'
    );
  }
  return profileProblem(error);
}

/** Why no connection was made; undefined for errors of any other kind. */
function connectionProblem(
  error: unknown,
  context: { failed: string; environment: NodeJS.ProcessEnv },
): string | undefined {
  const code = codeOf(error);
  const endpoint = context.environment.AWS_ENDPOINT_URL;
  if (code !== undefined && UNTRUSTED.has(code)) {
    const { NODE_EXTRA_CA_CERTS: file } = context.environment;
    return `${context.failed}: the certificate of ${endpoint ?? 'AWS'} is not trusted (${code}). Set NODE_EXTRA_CA_CERTS to the file of the certificate that signed it${file === undefined ? '' : ` (it is ${file})`}; 'npm run ministack' prints it`;
  }
  if (endpoint !== undefined && code !== undefined && BROKEN_OFF.has(code)) {
    return `${endpoint} broke the connection off (${code}). If it serves ${endpoint.startsWith('https:') ? 'http, not https' : 'https, as MiniStack does'}, correct AWS_ENDPOINT_URL: 'npm run ministack' and 'npm run localstack' print what to export`;
  }
  const why =
    code ?? (error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : undefined);
  return why !== undefined && UNREACHABLE.has(why) ? unreachable(why, context) : undefined;
}

function unreachable(
  code: string,
  { failed, environment }: { failed: string; environment: NodeJS.ProcessEnv },
): string {
  const endpoint = environment.AWS_ENDPOINT_URL;
  if (endpoint === undefined) {
    return `${failed}: AWS is not reachable (${code}). Check the network, the proxy and the region (${environment.AWS_REGION ?? 'of the profile'})`;
  }
  return `nothing answers at ${endpoint} (${code}). Start the emulator with 'npm run localstack', or correct AWS_ENDPOINT_URL`;
}

/**
 * Runs a command, and turns errors that a person must fix into UsageErrors. The errors of the store are written for the
 * engine, which retries when the network fails and does not know where the credentials come from.
 */
export async function explained<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (error) {
    const message = personalMessage(error);
    if (message === undefined) throw error;
    throw new MapReduceError('UsageError', message, { cause: error });
  }
}

function personalMessage(error: unknown): string | undefined {
  if (!isMapReduceError(error)) return setUpProblem(error, process.env);
  if (error.name !== 'StorageError' && error.name !== 'UsageError') return undefined;
  const setUp = setUpProblem(error.cause, process.env);
  if (setUp !== undefined) return setUp;
  if (error.name !== 'StorageError' || codeOf(error.cause) === undefined) return undefined;
  return connectionProblem(error.cause, { failed: error.message, environment: process.env });
}

/** Whether AWS answered with this error. */
export function isAwsError(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}

/**
 * CloudFormation has no error of its own for a stack that does not exist: only the text of a ValidationError says so.
 */
export function isStackMissing(error: unknown): boolean {
  return error instanceof Error && /does not exist/.test(error.message);
}

/** Whether AWS denied access. Accepts the SDK's error and the error that `callAws` turns it into. */
export function isAccessDenied(error: unknown): error is Error {
  const answer = isMapReduceError(error) ? error.cause : error;
  return answer instanceof Error && DENIED.test(answer.name);
}

/** Reading logs and invoking functions by hand serve debugging, so the grant for submitting does not cover them. */
function grantText({ action }: AwsCall): string {
  if (action === 'cloudformation:DescribeStacks') {
    return '; with --bucket and --state-machine, or their variables, no stack is looked for';
  }
  if (/^(logs|lambda):/.test(action)) {
    return '; MapReduce.grantDebug() of the construct grants what looking for a fault takes';
  }
  return /^(s3|states):/.test(action)
    ? '; MapReduce.grantSubmit() of the construct grants what submitting takes'
    : '';
}

function profileText({ AWS_PROFILE: profile }: NodeJS.ProcessEnv): string {
  return profile === undefined ? '' : ` --profile ${profile}`;
}

/** A connection that fails on each of several addresses comes as an AggregateError. */
function codeOf(error: unknown): string | undefined {
  const code = errnoOf(error);
  if (code !== undefined || !(error instanceof AggregateError)) return code;
  return error.errors.map(codeOf).find((inner) => inner !== undefined);
}

const DENIED = /^AccessDenied|^UnauthorizedOperation|^AuthorizationError/;
const EXPIRED = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired', 'TokenRefreshRequired']);
const INVALID_CREDENTIALS = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'InvalidAccessKeyId',
  'AuthFailure',
]);
const UNREACHABLE = new Set([
  'no answer in time',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
]);
/** What a server that speaks http answers to https, and the reverse. */
const BROKEN_OFF = new Set([
  'ECONNRESET',
  'EPROTO',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
]);
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);
