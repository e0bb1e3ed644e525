import { describe, expect, test } from 'vitest';
import { assertEnvironment } from '../../../src/aws/client/aws-environment.ts';
import { awsError } from '../../../src/aws/client/aws-errors.ts';
import { executionArn, executionName } from '../../../src/aws/client/executions.ts';
import { useLocalEndpoint } from '../../../src/aws/client/local-endpoint.ts';
import { jobId } from '../../../src/base/ids.ts';
import { cli, folderWith } from '../../cli/cli-process.ts';

const CALL = { action: 'states:StartExecution', on: 'arn:aws:states:us-east-1:1:stateMachine:M' };
const named = (name: string, message: string, more: object = {}) =>
  Object.assign(new Error(message), { name, ...more });
const messageOf = (error: unknown, environment: NodeJS.ProcessEnv = {}) =>
  awsError(error, CALL, environment).message;

describe('--local', () => {
  test('goes to the default endpoint with keys that open nothing, whatever is configured', () => {
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

  test("keeps an emulator's endpoint, keys and region, and never keys that AWS gives out", () => {
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

  test('refuses an endpoint that is AWS', () => {
    const environment = { AWS_ENDPOINT_URL: 'https://s3.eu-west-1.amazonaws.com' };

    expect(() => useLocalEndpoint(environment)).toThrow(/--local is for an emulator/);
  });
});

describe('what AWS refuses', () => {
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
  ])('because of %s is said with what to do', (_, error, text) => {
    expect(messageOf(error)).toContain(text);
  });

  test('an endpoint where nothing answers is named', () => {
    const error = Object.assign(new AggregateError([named('Error', '', { code: 'ECONNREFUSED' })], ''), {});

    const message = messageOf(error, { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' });

    expect(message).toContain('nothing answers at http://127.0.0.1:4566 (ECONNREFUSED)');
    expect(message).toContain('npm run localstack');
  });

  test('a profile is part of the advice', () => {
    const error = named('ExpiredToken', 'expired');

    expect(messageOf(error, { AWS_PROFILE: 'work' })).toContain('aws sso login --profile work');
  });
});

describe('executions of a job', () => {
  test('have names of their own, within what Step Functions takes', () => {
    const long = jobId('x'.repeat(80));
    const other = jobId(`${'x'.repeat(79)}y`);

    expect(executionName(jobId('daily'), 0)).toBe('daily');
    expect(executionName(jobId('daily'), 2)).toBe('daily-redrive-2');
    expect(executionName(long, 12)).toHaveLength(80);
    expect(executionName(long, 12)).not.toBe(executionName(other, 12));
    expect(executionArn('arn:aws:states:us-east-1:1:stateMachine:M', 'daily')).toBe(
      'arn:aws:states:us-east-1:1:execution:M:daily',
    );
  });
});

describe('the commands on AWS', () => {
  const env = {
    AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
    AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9',
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };

  test.each([
    ['no app', ['submit', '--input'], /no app is named|argument missing/],
    ['a path for an app', ['submit', './job.ts', '--input', 'a.txt'], /mapreduce deploy --jobs/],
    ['no input', ['submit', 'word-count'], /needs --input/],
    ['a bad size', ['submit', 'word-count', '-i', 'a.txt', '--split-size', 'big'], /--split-size is a size/],
    [
      'a bad job id',
      ['submit', 'word-count', '-i', 'a.txt', '--job-id', 'a b'],
      /a job id must consist of 1 to 80/,
    ],
    [
      'a bad state machine',
      ['status', 'x', '--bucket', 'b', '--state-machine', 'M'],
      /--state-machine is an ARN/,
    ],
    ['an emulator that is not there', ['status', 'x'], /nothing answers at http:\/\/127\.0\.0\.1:9/],
    ['jobs that are not there', ['deploy', '--local', '--jobs', 'no.ts'], /there is no .*no\.ts/],
  ])('end with exit code 2 for %s', async (_, args, message) => {
    const cwd = folderWith({ 'a.txt': 'a\n' });

    const { code, stdout, stderr } = await cli(args, { cwd, env });

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('This is a defect');
  });
});

describe("the caller's AWS configuration", () => {
  const KEYS = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y', AWS_REGION: 'us-east-1' };
  const NAMED = ['--bucket', 'b', '--state-machine', 'arn:aws:states:us-east-1:123456789012:stateMachine:M'];
  const CONFIG =
    '[default]\nregion = us-east-1\n[profile work]\nregion = us east\n[profile mine]\nregion = eu-west-1\nendpoint_url = nonsense\n';
  const CREDENTIALS = ['work', 'mine'].map(
    (name) => `[${name}]\naws_access_key_id=a\naws_secret_access_key=b\n`,
  );
  /** None of this machine's own. */
  const NONE = {
    AWS_PROFILE: '',
    AWS_REGION: '',
    AWS_DEFAULT_REGION: '',
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_ENDPOINT_URL: '',
    AWS_CONFIG_FILE: 'config',
    AWS_SHARED_CREDENTIALS_FILE: 'credentials',
    AWS_EC2_METADATA_DISABLED: 'true',
  };

  test.each<[string, Record<string, string>, RegExp]>([
    [
      'a profile that does not exist',
      { AWS_PROFILE: 'wrok' },
      /AWS_PROFILE is 'wrok'.* have no such profile\. Did you mean 'work'\? There are default, mine, work/,
    ],
    ['a profile that does not exist, beside keys', { ...KEYS, AWS_PROFILE: 'wrok' }, /AWS_PROFILE is 'wrok'/],
    [
      'a configuration that is a folder',
      { AWS_CONFIG_FILE: '/' },
      /AWS configuration in \/ \(AWS_CONFIG_FILE\) cannot be read: .*EISDIR/,
    ],
    [
      'credentials that are a folder',
      { AWS_REGION: 'us-east-1', AWS_SHARED_CREDENTIALS_FILE: '/' },
      /\(AWS_SHARED_CREDENTIALS_FILE\) cannot be read: .*EISDIR/,
    ],
    [
      'a configuration that does not exist',
      { AWS_CONFIG_FILE: 'no' },
      /AWS_CONFIG_FILE is 'no', and there is no such file/,
    ],
    ['no credentials', { AWS_REGION: 'us-east-1' }, /no usable AWS credentials .*Set AWS_PROFILE.*--local/],
    [
      'an endpoint that is no URL',
      { ...KEYS, AWS_ENDPOINT_URL: 'nonsense' },
      /AWS_ENDPOINT_URL is 'nonsense', which is not an address.*http:\/\//,
    ],
    [
      'an endpoint without a scheme',
      { ...KEYS, AWS_ENDPOINT_URL: 'localhost:4566' },
      /AWS_ENDPOINT_URL is 'localhost:4566'/,
    ],
    [
      'an endpoint without a host',
      { ...KEYS, AWS_ENDPOINT_URL_S3: 'http://' },
      /AWS_ENDPOINT_URL_S3 is 'http:\/\/'/,
    ],
    [
      'an endpoint of another protocol',
      { ...KEYS, AWS_ENDPOINT_URL: 'ftp://127.0.0.1' },
      /AWS_ENDPOINT_URL is 'ftp:/,
    ],
    [
      'a region that is none',
      { ...KEYS, AWS_REGION: 'us east 1' },
      /AWS_REGION is 'us east 1', which is not the name of a region/,
    ],
    ['a profile whose region is none', { AWS_PROFILE: 'work' }, /region of the AWS profile is 'us east'/],
    [
      'a profile whose endpoint is none',
      { AWS_PROFILE: 'mine' },
      /endpoint_url in the AWS configuration is not an address/,
    ],
  ])(
    'with %s is reported with what to do, whichever service is asked first',
    async (_, environment, message) => {
      const cwd = folderWith({ config: CONFIG, credentials: CREDENTIALS.join('') });
      const env = { ...NONE, ...environment };

      const bySdk = await cli(['jobs'], { cwd, env });
      // The region of the machine's ARN goes before a profile's.
      const byStore =
        environment.AWS_PROFILE === 'work' || environment.AWS_CONFIG_FILE !== undefined
          ? bySdk
          : await cli(['status', 'x', ...NAMED], { cwd, env });

      for (const { code, stdout, stderr } of [bySdk, byStore]) {
        expect(stderr).toMatch(message);
        expect(stderr).not.toMatch(/defect|\n\s+at /);
        // The SDK warns of a profile beside keys, above.
        expect(stderr.trim().split('\n').at(-1)).toMatch(/^error: /);
        expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      }
    },
  );

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
