/** Creates a self-signed certificate for 127.0.0.1 and localhost, keeps it in the cache folder, and renews it before it expires. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import { cacheFolder, withFolderLock } from './cache.ts';
import { EmulatorUnavailableError } from './errors.ts';

export interface CertificateFiles {
  /** The certificate in PEM. It is self-signed, so it is its own CA. */
  certificateFile: string;
  keyFile: string;
}

const VALID_DAYS = 365;
const RENEW_BEFORE_MS = 7 * 24 * 60 * 60 * 1000;

export async function localhostCertificate(now: number = Date.now()): Promise<CertificateFiles> {
  const folder = path.join(cacheFolder(), 'tls');
  const files = {
    certificateFile: path.join(folder, 'localhost.pem'),
    keyFile: path.join(folder, 'localhost.key'),
  };
  return await withFolderLock(folder, async () => {
    if (!(await isGood(files, now))) await make(folder, files);
    return files;
  });
}

async function isGood({ certificateFile, keyFile }: CertificateFiles, now: number): Promise<boolean> {
  try {
    await readFile(keyFile);
    const certificate = new X509Certificate(await readFile(certificateFile));
    return certificate.validToDate.getTime() - now > RENEW_BEFORE_MS;
  } catch {
    return false;
  }
}

async function make(folder: string, files: CertificateFiles): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = { key: `${files.keyFile}.new`, certificate: `${files.certificateFile}.new` };
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  args.push(
    '-days',
    String(VALID_DAYS),
    '-subj',
    '/CN=localhost',
    '-keyout',
    draft.key,
    '-out',
    draft.certificate,
  );
  args.push('-addext', 'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1,IP:::1');
  try {
    await promisify(execFile)('openssl', args);
  } catch (cause) {
    throw new EmulatorUnavailableError(
      'MiniStack with IAM enforced needs TLS, and the openssl command that makes its certificate failed or is missing. ' +
        'Install it ("apt-get install openssl", "brew install openssl"), or start without IAM: npm run ministack -- --no-auth',
      { cause },
    );
  }
  await rename(draft.key, files.keyFile);
  await rename(draft.certificate, files.certificateFile);
}
