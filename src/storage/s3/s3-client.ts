/**
 * An SDK client for the store. It does not retry, since the store does (and knows which writes it may repeat), and it has a
 * connection for each request that the store may have in flight. Region, credentials, profile and endpoint come from the
 * environment, as with every AWS tool: AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3.
 */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { S3_LIMITS, type S3Limits } from './s3-limits.ts';

export interface S3ClientOptions
  extends Pick<S3ClientConfig, 'region' | 'endpoint' | 'credentials' | 'profile' | 'logger'> {
  /** The store's limits, if they differ from the defaults. */
  readonly limits?: Partial<Pick<S3Limits, 'requestsInFlightMax'>>;
  readonly environment?: NodeJS.ProcessEnv;
}

export function createS3Client({
  limits = {},
  environment = process.env,
  ...config
}: S3ClientOptions = {}): S3Client {
  const { requestsInFlightMax = S3_LIMITS.requestsInFlightMax } = limits;
  const agent = { keepAlive: true, maxSockets: requestsInFlightMax + HEDGES_IN_FLIGHT };
  const ownEndpoint = config.endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL;
  return new S3Client({
    ...config,
    maxAttempts: 1,
    // In adaptive mode, which AWS_RETRY_MODE may select, the SDK itself delays requests after throttling.
    retryMode: 'standard',
    // Emulators have no host name per bucket.
    ...(ownEndpoint === undefined ? {} : { forcePathStyle: true }),
    requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, httpAgent: agent, httpsAgent: agent },
  });
}

const CONNECTION_TIMEOUT_MS = 5_000;
const HEDGES_IN_FLIGHT = 16;
