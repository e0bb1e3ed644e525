/** `--local`: the emulator instead of AWS, and nothing of the caller's own AWS configuration. */
import { MapReduceError } from '../../base/errors.ts';

export const LOCAL_ENDPOINT = 'http://127.0.0.1:4566';
export const LOCAL_ACCOUNT = '000000000000';
const LOCAL_REGION = 'us-east-1';
/** Keys that open nothing but an emulator. */
const LOCAL_KEY = 'test';

/**
 * Changes the environment in place, because SDK clients and cdk read it. Keys are kept only if the endpoint is set as
 * well and they do not look like keys of AWS.
 *
 * @throws UsageError when AWS_ENDPOINT_URL is AWS
 */
export function useLocalEndpoint(environment: NodeJS.ProcessEnv = process.env): void {
  const endpoint = environment.AWS_ENDPOINT_URL;
  if (endpoint !== undefined && /amazonaws\.com(\.cn)?([:/]|$)/i.test(endpoint)) {
    throw new MapReduceError(
      'UsageError',
      `--local is for an emulator, and AWS_ENDPOINT_URL is ${endpoint}. Omit --local to work on AWS, or unset AWS_ENDPOINT_URL for ${LOCAL_ENDPOINT}`,
    );
  }
  const { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret } = environment;
  const areOfEmulator =
    endpoint !== undefined && key !== undefined && secret !== undefined && !/^A(KIA|SIA)/.test(key);
  if (!areOfEmulator) {
    environment.AWS_ACCESS_KEY_ID = LOCAL_KEY;
    environment.AWS_SECRET_ACCESS_KEY = LOCAL_KEY;
    delete environment.AWS_SESSION_TOKEN;
  }
  // A profile would take precedence over the keys.
  delete environment.AWS_PROFILE;
  delete environment.AWS_DEFAULT_PROFILE;
  environment.AWS_ENDPOINT_URL = endpoint ?? LOCAL_ENDPOINT;
  environment.AWS_ENDPOINT_URL_S3 = environment.AWS_ENDPOINT_URL;
  environment.AWS_REGION = (endpoint === undefined ? undefined : regionOf(environment)) ?? LOCAL_REGION;
  environment.AWS_DEFAULT_REGION = environment.AWS_REGION;
}

/** The region that variables name; undefined leaves it to the profile. */
export function regionOf(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return environment.AWS_REGION || environment.AWS_DEFAULT_REGION || undefined;
}
