/** Runs the commands on AWS with wrong arguments, or with an AWS configuration that does not work. */
import { describe, expect, test } from 'vitest';
import { cli, folderWith } from '../cli-process.ts';

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
    ['a path instead of an app', ['submit', './job.ts', '--input', 'a.txt'], /mapreduce deploy --jobs/],
    [
      'a bad size',
      ['submit', 'word-count', '-i', 'a.txt', '--split-size', 'big'],
      /--split-size must be a size/,
    ],
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
    ['an emulator that is not running', ['status', 'x'], /nothing answers at http:\/\/127\.0\.0\.1:9/],
    ['jobs that do not exist', ['deploy', '--local', '--jobs', 'no.ts'], /there is no .*no\.ts/],
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
  /** Excludes the configuration of the machine that runs the tests. */
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
      'an endpoint that is not a URL',
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
      'a region that is invalid',
      { ...KEYS, AWS_REGION: 'us east 1' },
      /AWS_REGION is 'us east 1', which is not the name of a region/,
    ],
    ['a profile with an invalid region', { AWS_PROFILE: 'work' }, /region of the AWS profile is 'us east'/],
    [
      'a profile with an invalid endpoint',
      { AWS_PROFILE: 'mine' },
      /endpoint_url in the AWS configuration is not an address/,
    ],
  ])('reports %s and what to do, whichever service is called first', async (_, environment, message) => {
    const cwd = folderWith({ config: CONFIG, credentials: CREDENTIALS.join('') });
    const env = { ...NONE, ...environment };

    const bySdk = await cli(['jobs'], { cwd, env });
    // The region in the state machine's ARN takes precedence over a profile's.
    const byStore =
      environment.AWS_PROFILE === 'work' || environment.AWS_CONFIG_FILE !== undefined
        ? bySdk
        : await cli(['status', 'x', ...NAMED], { cwd, env });

    for (const { code, stdout, stderr } of [bySdk, byStore]) {
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/defect|\n\s+at /);
      // The SDK warns before the error if there are keys beside a profile.
      expect(stderr.trim().split('\n').at(-1)).toMatch(/^error: /);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    }
  });
});
