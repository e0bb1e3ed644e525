import { expect, test } from 'vitest';

import { createFunction, createRole, invoke } from './deploy.ts';
import { describeOnEmulators } from './with-emulator.ts';

/** Lists functions with a request that it signs with Node's own crypto, because the zip does not contain the SDK. */
const LISTS_BUCKETS = `
import crypto from 'node:crypto';

const hash = (text) => crypto.createHash('sha256').update(text).digest('hex');
const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();

export async function handler() {
  const { AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  const { host } = new URL(AWS_ENDPOINT_URL);
  const time = new Date().toISOString().replace(/[-:]|\\.\\d+/g, '');
  const headers = { host, 'x-amz-content-sha256': hash(''), 'x-amz-date': time, 'x-amz-security-token': AWS_SESSION_TOKEN };
  const names = Object.keys(headers).join(';');
  const canonical = ['GET', '/', '', ...Object.entries(headers).map(([k, v]) => k + ':' + v), '', names, hash('')].join('\\n');
  const scope = [time.slice(0, 8), AWS_REGION, 's3', 'aws4_request'];
  const key = scope.reduce(hmac, 'AWS4' + AWS_SECRET_ACCESS_KEY);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope.join('/'), hash(canonical)].join('\\n')).toString('hex');
  const authorization = 'AWS4-HMAC-SHA256 Credential=' + AWS_ACCESS_KEY_ID + '/' + scope.join('/') +
    ', SignedHeaders=' + names + ', Signature=' + signature;
  const response = await fetch(AWS_ENDPOINT_URL + '/', { headers: { ...headers, authorization } });
  return { status: response.status, body: await response.text() };
}
`;

describeOnEmulators('IAM', (emulator) => {
  const files = { 'index.mjs': LISTS_BUCKETS };

  test('a function may do what its role allows', async () => {
    const role = await createRole(emulator, 'lambda', [{ Action: 's3:ListAllMyBuckets', Resource: '*' }]);
    const { name } = await createFunction(emulator, { files, role });

    const { payload } = await invoke(emulator, name, {});

    expect(payload).toMatchObject({ status: 200 });
  });

  test('a function may not do what its role does not allow, except on LocalStack, which does not check', async () => {
    const role = await createRole(emulator, 'lambda', [{ Action: 's3:GetObject', Resource: '*' }]);
    const { name } = await createFunction(emulator, { files, role });

    const { payload } = await invoke(emulator, name, {});

    expect(payload.status).toBe(emulator.name === 'LocalStack' ? 200 : 403);
  });
});
