/** Starts either emulator under a supervisor, waits until it is healthy, and stops it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { cacheFolder } from './cache.ts';
import { EmulatorStartError } from './errors.ts';
import type { PortChoice } from './ports.ts';
import type { SupervisorOrders } from './supervisor.ts';

export type EmulatorName = 'LocalStack' | 'MiniStack';

export interface StartOptions {
  /** The default is 4566. `'auto'` chooses any free port if 4566 is in use. */
  port?: PortChoice;
  /** Prints nothing about installing and starting on stderr. */
  quiet?: boolean;
  /**
   * Maximum number of function processes, including idle ones, from 1 to 1,000. Beyond it, invocations are throttled. The
   * default is MAPREDUCE_FUNCTION_PROCESSES, otherwise it depends on memory and cores.
   */
  functionProcessesMax?: number;
}

export interface RunningEmulator {
  name: EmulatorName;
  /** For example http://127.0.0.1:4566. It is an IP address, so that the SDK addresses buckets by path. */
  endpoint: string;
  /** The process id of the ancestor of all processes of the emulator, including its functions. */
  pid: number;
  /** The variables that a client needs: AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, keys, region, and the CA if it uses TLS. */
  environment: Record<string, string>;
  /** The output of the emulator and its functions. The next start on the same port overwrites it. */
  logFile: string;
  startedInMs: number;
  /** Resolves when the emulator has ended by itself or by stop(). */
  ended: Promise<void>;
  /** Ends every process of the emulator and removes its state. May be called more than once. */
  stop(): Promise<void>;
}

export interface LaunchOptions {
  name: EmulatorName;
  port: number;
  endpoint: string;
  environment: Record<string, string>;
  healthPath: string;
  ca?: string;
  /** Receives the emulator's state folder, which is removed at the end. */
  command: (stateFolder: string) => Promise<LaunchCommand> | LaunchCommand;
  readyTimeoutMs: number;
  say: (line: string) => void;
}

export interface LaunchCommand {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  /** Runs after the emulator has ended, and cleans up what a killed process cannot. */
  afterwards?: { command: string; args: string[] };
}

export const REGION = 'us-east-1';

/** The timeout of one health check. On a busy machine a check takes seconds. */
const HEALTH_TIMEOUT_MS = 10_000;
const LOGS_KEPT_MS = 3 * 24 * 60 * 60 * 1000;

/** The keys are valid only for an emulator. */
export function clientEnvironment(endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
  };
}

/** Omits all AWS variables, so that an emulator and its functions never see real credentials. */
export function environmentWithoutAws(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_') && name !== 'NODE_OPTIONS'),
  );
}

export function sayOnStderr(options: StartOptions): (line: string) => void {
  return options.quiet ? () => {} : (line) => process.stderr.write(`${line}\n`);
}

export async function launch(options: LaunchOptions): Promise<RunningEmulator> {
  const startedAt = performance.now();
  const logFile = path.join(await logFolder(), `${options.name.toLowerCase()}-${options.port}.log`);
  const stateFolder = await mkdtemp(path.join(os.tmpdir(), `${options.name.toLowerCase()}-`));
  const { env, ...command } = await options.command(stateFolder);
  const supervisor = await superviseInto(logFile, { ...command, stateFolder }, env);
  const ended = new Promise<void>((resolve) => supervisor.once('exit', () => resolve()));
  const stop = async () => {
    // The supervisor ends everything when its stdin closes, which also happens when this process is killed.
    supervisor.stdin?.destroy();
    await ended;
    // A killed process may still be writing a file.
    await rm(stateFolder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  try {
    await untilHealthy(options, supervisor, logFile);
  } catch (error) {
    await stop();
    throw error;
  }
  const { name, endpoint, environment } = options;
  return {
    name,
    endpoint,
    pid: supervisor.pid!,
    environment,
    logFile,
    ended,
    stop,
    startedInMs: Math.round(performance.now() - startedAt),
  };
}

/** Logs are kept for some days after their emulator has ended. Each port has its own log. */
async function logFolder(): Promise<string> {
  const folder = path.join(cacheFolder(), 'logs');
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    const writtenAt = (await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now();
    if (Date.now() - writtenAt > LOGS_KEPT_MS) await rm(file, { force: true });
  }
  return folder;
}

async function superviseInto(
  logFile: string,
  orders: SupervisorOrders,
  env: NodeJS.ProcessEnv,
): Promise<ChildProcess> {
  const log = await open(logFile, 'w');
  try {
    // Detached, so that a Ctrl-C in the terminal reaches only this process, which then stops the emulator cleanly.
    return spawn(
      process.execPath,
      [path.join(import.meta.dirname, 'supervisor.ts'), JSON.stringify(orders)],
      {
        detached: true,
        stdio: ['pipe', log.fd, log.fd],
        env,
      },
    );
  } finally {
    await log.close();
  }
}

async function untilHealthy(
  options: LaunchOptions,
  supervisor: ChildProcess,
  logFile: string,
): Promise<void> {
  const { name, readyTimeoutMs } = options;
  const giveUpAt = performance.now() + readyTimeoutMs;
  while (performance.now() < giveUpAt) {
    if (supervisor.exitCode !== null || supervisor.signalCode !== null) {
      throw new EmulatorStartError(`${name} ended while it started.\n${await tail(logFile)}`);
    }
    if (await answers(options)) return;
    await sleep(100);
  }
  throw new EmulatorStartError(
    `${name} was not ready within ${readyTimeoutMs / 1000} s.\n${await tail(logFile)}`,
  );
}

function answers({ endpoint, healthPath, ca }: LaunchOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const get = endpoint.startsWith('https:') ? https.get : http.get;
    const request = get(
      endpoint + healthPath,
      { timeout: HEALTH_TIMEOUT_MS, agent: false, ...(ca && { ca }) },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

async function tail(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-25);
  return `The end of ${logFile}:\n${lines.join('\n')}`;
}
