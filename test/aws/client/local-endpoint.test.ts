import { describe, expect, test } from 'vitest';
import { useLocalEndpoint } from '../../../src/aws/client/local-endpoint.ts';

describe('--local', () => {
  test('uses the default endpoint with fake keys, whatever is configured', () => {
    const environment: NodeJS.ProcessEnv = {
      AWS_PROFILE: 'work',
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SESSION_TOKEN: 'token',
      AWS_REGION: 'eu-west-1',
    };

    useLocalEndpoint(environment);

    expect(environment).toEqual({
      AWS_ENDPOINT_URL: 'http://127.0.0.1:4566',
      AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:4566',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
    });
  });

  test("keeps an emulator's endpoint, keys and region, but never keys issued by AWS", () => {
    const own: NodeJS.ProcessEnv = {
      AWS_ENDPOINT_URL: 'https://127.0.0.1:4600',
      AWS_ACCESS_KEY_ID: 'emulator',
      AWS_SECRET_ACCESS_KEY: 'its secret',
      AWS_REGION: 'eu-west-1',
    };
    const real: NodeJS.ProcessEnv = { ...own, AWS_ACCESS_KEY_ID: 'ASIAIOSFODNN7EXAMPLE' };

    useLocalEndpoint(own);
    useLocalEndpoint(real);

    expect(own).toMatchObject({
      AWS_ENDPOINT_URL: 'https://127.0.0.1:4600',
      AWS_ACCESS_KEY_ID: 'emulator',
      AWS_REGION: 'eu-west-1',
    });
    expect(real).toMatchObject({ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  });

  test('rejects an endpoint of AWS', () => {
    const environment = { AWS_ENDPOINT_URL: 'https://s3.eu-west-1.amazonaws.com' };

    expect(() => useLocalEndpoint(environment)).toThrow(/--local is for an emulator/);
  });
});
