/** Starts LocalStack in Docker if a Docker engine is running, otherwise in a Python environment with our own Lambda executor. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

import {
  clientEnvironment,
  environmentWithoutAws,
  type LaunchCommand,
  launch,
  type RunningEmulator,
  type StartOptions,
  sayOnStderr,
} from '../emulator.ts';
import { FUNCTION_PROCESSES_VARIABLE, functionProcessesMax } from '../function-processes.ts';
import { choosePort } from '../ports.ts';
import { preparePythonEnvironment } from '../python.ts';

/** The last image that starts without a token. */
export const DOCKER_IMAGE = 'localstack/localstack:4.14.0';

const NAME = 'LocalStack';
/** LocalStack's code needs Python 3.13. We have not tried later versions. */
const PYTHON_MINORS = [13] as const;
/** Our Python package that runs functions as Node processes. */
const LAMBDA_FOLDER = path.join(import.meta.dirname, '..', 'lambda');
const READY_TIMEOUT_MS = 240_000;
const PULL_TIMEOUT_MS = 600_000;

export async function startLocalStack(options: StartOptions = {}): Promise<RunningEmulator> {
  const say = sayOnStderr(options);
  const limits = functionLimits(functionProcessesMax(options.functionProcessesMax));
  const port = await choosePort(NAME, options.port);
  const endpoint = `http://127.0.0.1:${port}`;
  const inDocker = await shallUseDocker();
  return await launch({
    name: NAME,
    port,
    endpoint,
    environment: clientEnvironment(endpoint),
    healthPath: '/_localstack/health',
    readyTimeoutMs: inDocker ? READY_TIMEOUT_MS + PULL_TIMEOUT_MS : READY_TIMEOUT_MS,
    say,
    command: inDocker
      ? () => dockerCommand(port, { limits, say })
      : await pythonCommand(port, { limits, say }),
  });
}

/** MAPREDUCE_LOCALSTACK=python or docker decides. Without it, the result depends on whether a Docker engine is running. */
async function shallUseDocker(): Promise<boolean> {
  const choice = process.env.MAPREDUCE_LOCALSTACK;
  if (choice === 'docker' || choice === 'python') return choice === 'docker';
  return promisify(execFile)('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 20_000 }).then(
    ({ stdout }) => stdout.trim() !== '',
    () => false,
  );
}

interface Settings {
  limits: Record<string, string>;
  say: (line: string) => void;
}

/** LocalStack itself throttles beyond the account's limit. process_limit.py reads MAPREDUCE_FUNCTION_PROCESSES. */
function functionLimits(processesMax: number): Record<string, string> {
  return {
    LAMBDA_LIMITS_CONCURRENT_EXECUTIONS: String(processesMax),
    // The default is 100. With it, functions could reserve nothing of a limit below 101.
    LAMBDA_LIMITS_MINIMUM_UNRESERVED_CONCURRENCY: '1',
    [FUNCTION_PROCESSES_VARIABLE]: String(processesMax),
  };
}

function dockerCommand(port: number, { limits, say }: Settings): LaunchCommand {
  say(`Starting ${DOCKER_IMAGE} in Docker (the first start pulls the image)`);
  const container = `mapreduce-localstack-${port}`;
  const settings = ['DISABLE_EVENTS=1', 'SKIP_SSL_CERT_DOWNLOAD=1', 'LAMBDA_IGNORE_ARCHITECTURE=1'];
  settings.push(...Object.entries(limits).map(([name, value]) => `${name}=${value}`));
  const args = ['run', '--rm', '--name', container, '--publish', `127.0.0.1:${port}:4566`];
  args.push('--volume', '/var/run/docker.sock:/var/run/docker.sock');
  args.push(...settings.flatMap((setting) => ['--env', setting]), DOCKER_IMAGE);
  // The Docker client passes SIGTERM on to the container. After a SIGKILL, only this command removes the container.
  const afterwards = { command: 'docker', args: ['rm', '--force', container] };
  return { command: 'docker', args, env: process.env, afterwards };
}

async function pythonCommand(port: number, { limits, say }: Settings) {
  const environment = await preparePythonEnvironment({
    name: NAME,
    requirementsFile: path.join(import.meta.dirname, 'requirements.txt'),
    minors: PYTHON_MINORS,
    cost: 'about 45 s, 520 MB',
    say,
  });
  say(`Starting ${NAME} on port ${port}`);
  return async (stateFolder: string): Promise<LaunchCommand> => {
    const temporary = path.join(stateFolder, 'tmp');
    await mkdir(temporary);
    return {
      command: environment.python,
      args: ['-m', 'localstack.runtime.main'],
      env: {
        ...environmentWithoutAws(),
        PATH: [path.join(environment.folder, 'bin'), process.env.PATH].join(path.delimiter),
        PYTHONPATH: [await pluginOnPath(stateFolder), LAMBDA_FOLDER].join(path.delimiter),
        PYTHONUNBUFFERED: '1',
        PYTHONPYCACHEPREFIX: path.join(environment.folder, 'pycache'),
        // LocalStack writes everything into the state folder.
        FILESYSTEM_ROOT: stateFolder,
        TMPDIR: temporary,
        HOME: stateFolder,
        XDG_CACHE_HOME: path.join(stateFolder, 'cache'),
        GATEWAY_LISTEN: `127.0.0.1:${port}`,
        // Turns off look-ups, downloads and usage reports, so that it runs without a network.
        SKIP_SSL_CERT_DOWNLOAD: '1',
        DNS_ADDRESS: '0',
        DISABLE_EVENTS: '1',
        LOCALSTACK_HOST: `127.0.0.1:${port}`,
        LAMBDA_RUNTIME_EXECUTOR: 'node-process',
        // Must be longer than the wait in environment.py.
        LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT: '200',
        MAPREDUCE_NODE: process.execPath,
        ...limits,
      },
    };
  };
}

/** LocalStack finds plugins through the entry points of packages. Metadata in a folder on PYTHONPATH is enough for that. */
async function pluginOnPath(stateFolder: string): Promise<string> {
  const folder = path.join(stateFolder, 'plugins');
  const metadata = path.join(folder, 'mapreduce_lambda-1.0.dist-info');
  await mkdir(metadata, { recursive: true });
  await writeFile(
    path.join(metadata, 'METADATA'),
    'Metadata-Version: 2.1\nName: mapreduce-lambda\nVersion: 1.0\n',
  );
  await writeFile(
    path.join(metadata, 'entry_points.txt'),
    '[localstack.lambda.runtime_executor]\n' +
      'node-process = mapreduce_lambda.localstack_plugin:NodeProcessExecutorPlugin\n\n' +
      '[localstack.hooks.on_infra_start]\n' +
      'apply_repairs = mapreduce_lambda.localstack_plugin:apply_repairs\n',
  );
  return folder;
}
