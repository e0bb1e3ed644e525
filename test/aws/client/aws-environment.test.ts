import { describe, expect, test } from 'vitest';
import { assertEnvironment } from '../../../src/aws/client/aws-environment.ts';

describe("the caller's AWS configuration", () => {
  test('treats an empty variable as absent', () => {
    const environment = {
      AWS_ENDPOINT_URL: '',
      AWS_ENDPOINT_URL_S3: '',
      AWS_REGION: '',
      AWS_PROFILE: '',
      OTHER: '',
    };

    assertEnvironment(environment);

    expect(environment).toEqual({ OTHER: '' });
  });
});
