/** Starts MiniStack. By default it enforces IAM and uses TLS. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { localhostCertificate } from '../certificate.ts';
import {
  clientEnvironment,
  environmentWithoutAws,
  launch,
  REGION,
  type RunningEmulator,
  type StartOptions,
  sayOnStderr,
} from '../emulator.ts';
import { FUNCTION_PROCESSES_VARIABLE, functionProcessesMax } from '../function-processes.ts';
import { choosePort } from '../ports.ts';
import { preparePythonEnvironment } from '../python.ts';

const NAME = 'MiniStack';
const PYTHON_MINORS = [13, 12, 11, 10, 14] as const;
/** Our Python package that runs functions as Node processes. */
const LAMBDA_FOLDER = path.join(import.meta.dirname, '..', 'lambda');
const READY_TIMEOUT_MS = 240_000;

export interface MiniStackOptions extends StartOptions {
  /** Whether IAM policies are enforced; this uses TLS. The default is true. */
  auth?: boolean;
}

export async function startMiniStack(options: MiniStackOptions = {}): Promise<RunningEmulator> {
  const say = sayOnStderr(options);
  const processesMax = String(functionProcessesMax(options.functionProcessesMax));
  const port = await choosePort(NAME, options.port);
  const python = await preparePythonEnvironment({
    name: NAME,
    requirementsFile: path.join(import.meta.dirname, 'requirements.txt'),
    minors: PYTHON_MINORS,
    cost: 'about 10 s, 90 MB',
    say,
  });
  const certificate = (options.auth ?? true) ? await localhostCertificate() : undefined;
  const endpoint = `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`;
  say(`Starting ${NAME} on port ${port}${certificate ? ', IAM enforced' : ''}`);
  return await launch({
    name: NAME,
    port,
    endpoint,
    environment: {
      ...clientEnvironment(endpoint),
      ...(certificate && {
        NODE_EXTRA_CA_CERTS: certificate.certificateFile,
        AWS_CA_BUNDLE: certificate.certificateFile,
      }),
    },
    healthPath: '/_ministack/health',
    ...(certificate && { ca: await readFile(certificate.certificateFile, 'utf8') }),
    readyTimeoutMs: READY_TIMEOUT_MS,
    say,
    command: async (stateFolder) => {
      const temporary = path.join(stateFolder, 'tmp');
      await mkdir(temporary);
      return {
        command: python.python,
        args: ['-m', 'mapreduce_lambda.ministack_main'],
        env: {
          ...environmentWithoutAws(),
          PYTHONPATH: LAMBDA_FOLDER,
          PYTHONPYCACHEPREFIX: path.join(python.folder, 'pycache'),
          MAPREDUCE_NODE: process.execPath,
          [FUNCTION_PROCESSES_VARIABLE]: processesMax,
          LAMBDA_ACCOUNT_CONCURRENCY: processesMax,
          SFTP_ENABLED: '0',
          PYTHONUNBUFFERED: '1',
          TMPDIR: temporary,
          HOME: stateFolder,
          STATE_DIR: path.join(stateFolder, 'state'),
          S3_DATA_DIR: path.join(stateFolder, 's3'),
          GATEWAY_PORT: String(port),
          BIND_HOST: '127.0.0.1',
          MINISTACK_REGION: REGION,
          ...(certificate && {
            AUTH: 'true',
            USE_SSL: '1',
            MINISTACK_SSL_CERT: certificate.certificateFile,
            MINISTACK_SSL_KEY: certificate.keyFile,
            NODE_EXTRA_CA_CERTS: certificate.certificateFile,
          }),
        },
      };
    },
  });
}
