import { describe, expect, test } from 'vitest';
import { awsError } from '../../../src/aws/client/aws-errors.ts';

const CALL = { action: 'states:StartExecution', on: 'arn:aws:states:us-east-1:1:stateMachine:M' };
const named = (name: string, message: string, more: object = {}) =>
  Object.assign(new Error(message), { name, ...more });
const messageOf = (error: unknown, environment: NodeJS.ProcessEnv = {}) =>
  awsError(error, CALL, environment).message;

describe('an error of AWS', () => {
  test.each([
    ['expired credentials', named('ExpiredTokenException', 'The security token is expired'), 'Sign in again'],
    ['no credentials', named('CredentialsProviderError', 'Could not load credentials'), 'add --local'],
    [
      'keys that are not known',
      named('UnrecognizedClientException', 'invalid'),
      'does not accept the credentials',
    ],
    ['no region', new Error('Region is missing'), 'Set AWS_REGION'],
    ['no rights', named('AccessDeniedException', 'not authorized'), 'needs states:StartExecution on arn:aws'],
    ['throttling', named('ThrottlingException', 'Rate exceeded'), 'wait a minute'],
    ['no network', named('Error', 'getaddrinfo', { code: 'ENOTFOUND' }), 'AWS is not reachable'],
    ['anything else', named('InternalFailure', 'oops'), 'InternalFailure: oops'],
  ])('because of %s says what to do', (_, error, text) => {
    expect(messageOf(error)).toContain(text);
  });

  test('names an endpoint that does not answer', () => {
    const error = Object.assign(new AggregateError([named('Error', '', { code: 'ECONNREFUSED' })], ''), {});

    const message = messageOf(error, { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' });

    expect(message).toContain('nothing answers at http://127.0.0.1:4566 (ECONNREFUSED)');
    expect(message).toContain('npm run localstack');
  });

  test.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'https://127.0.0.1:4566', 'Set NODE_EXTRA_CA_CERTS'],
    [
      'ECONNRESET',
      'http://127.0.0.1:4566',
      'If it serves https, as MiniStack does, correct AWS_ENDPOINT_URL',
    ],
    ['EPROTO', 'https://127.0.0.1:4566', 'If it serves http, not https, correct AWS_ENDPOINT_URL'],
  ])('says what to export after %s of an emulator', (code, AWS_ENDPOINT_URL, text) => {
    const error = named('TimeoutError', 'socket hang up', { code });

    expect(messageOf(error, { AWS_ENDPOINT_URL })).toContain(text);
  });

  test('says how to replace a version that was removed', () => {
    const { message } = awsError(named('ResourceNotFoundException', 'Function not found'), {
      action: 'lambda:InvokeFunction',
      on: 'arn:aws:lambda:us-east-1:1:function:Plan:4',
    });

    expect(message).toMatch(/Plan:4 failed: there is no such function .* publishes new versions/);
  });

  test('includes the profile in the advice', () => {
    const error = named('ExpiredToken', 'expired');

    expect(messageOf(error, { AWS_PROFILE: 'work' })).toContain('aws sso login --profile work');
  });
});
