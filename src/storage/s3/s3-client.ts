/**
 * An SDK client for the store. It does not retry, since the store does (and knows which writes it may repeat), and it has a
 * connection for each request that the store may have in flight. It takes less CPU time than with the SDK's own settings:
 *
 *     receiving   all connections read into one buffer, since Node.js would allocate one for every 16 KiB of TLS
 *     sending     over TLS, objects and parts are not hashed for the signature; it covers their CRC-32
 *
 * Region, credentials, profile and endpoint come from the environment, as with every AWS tool: AWS_REGION, AWS_PROFILE,
 * AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3.
 */
import type { OnReadOpts, Socket } from 'node:net';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { KiB } from '../../base/limits.ts';
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
  const agent = {
    keepAlive: true,
    maxSockets: requestsInFlightMax + HEDGES_IN_FLIGHT,
    onread: sharedBuffer(),
  };
  const ownEndpoint = config.endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL;
  const client = new S3Client({
    ...config,
    maxAttempts: 1,
    // In adaptive mode, which AWS_RETRY_MODE may select, the SDK itself delays requests after throttling.
    retryMode: 'standard',
    // Emulators have no host name per bucket.
    ...(ownEndpoint === undefined ? {} : { forcePathStyle: true }),
    requestHandler: { connectionTimeout: CONNECTION_TIMEOUT_MS, httpAgent: agent, httpsAgent: agent },
  });
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        // The cast: in this step it is an HTTP request.
        const { protocol, headers } = args.request as { protocol: string; headers: Record<string, string> };
        if (protocol === 'https:' && COMMANDS_WITH_BYTES.has(commandName ?? '')) {
          headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
        }
        return next(args);
      },
    { step: 'build', name: 'unsignedPayload' },
  );
  return client;
}

/**
 * What every connection receives into. The HTTP parser of Node.js copies the bytes of a body before it returns, so that they
 * may be overwritten afterwards.
 */
function sharedBuffer(): OnReadOpts {
  return {
    buffer: Buffer.allocUnsafeSlow(RECEIVED_BYTES_MAX),
    callback(this: Socket, sizeBytes: number, buffer: Uint8Array): boolean {
      this.emit('data', buffer.subarray(0, sizeBytes));
      return true;
    },
  };
}

const CONNECTION_TIMEOUT_MS = 5_000;
const HEDGES_IN_FLIGHT = 16;
/** At most one TLS record, or what the kernel has without TLS. */
const RECEIVED_BYTES_MAX = 64 * KiB;
const COMMANDS_WITH_BYTES: ReadonlySet<string> = new Set(['PutObjectCommand', 'UploadPartCommand']);
