import { describe, expect, test } from 'vitest';
import { assertEnvironment } from '../../../src/aws/client/aws-environment.ts';

describe("the caller's AWS configuration", () => {
  test('a variable that is set to nothing is one that is not set', () => {
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
