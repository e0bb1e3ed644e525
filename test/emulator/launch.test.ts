/** Starts and stops emulators, with a stand-in for the emulator, so the tests need neither Python nor Docker. */
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';

import { type LaunchOptions, launch } from '../../emulators/emulator.ts';
import { defaultFunctionProcessesMax, functionProcessesMax } from '../../emulators/function-processes.ts';
import { choosePort, freePort } from '../../emulators/ports.ts';
import { preparePythonEnvironment } from '../../emulators/python.ts';
import { EmulatorStartError, EmulatorUnavailableError, PortTakenError } from '../../emulators/start.ts';

/** Enough for a step that takes a moment, even on a busy machine. */
const SOON = { timeout: 120_000 };

const scratch = mkdtempSync(path.join(os.tmpdir(), 'launch-test-'));

/** Answers /health, and reports the process ids of itself and of a child that ignores SIGTERM. */
const STAND_IN = `
const child = require('node:child_process').spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6)"]);
require('node:http')
  .createServer((request, response) => response.end(JSON.stringify({ pids: [process.pid, child.pid], cwd: process.cwd() })))
  .listen(Number(process.env.STAND_IN_PORT), '127.0.0.1');
`;

beforeAll(() => {
  vi.stubEnv('XDG_CACHE_HOME', path.join(scratch, 'cache'));
});

afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(scratch, { recursive: true, force: true });
});

describe('launch', () => {
  test('returns once the emulator is healthy, and stop() leaves no process and no file behind', async () => {
    const emulator = await launch(await standIn());
    const { pids, cwd } = await whoIsThere(emulator.endpoint);
    expect(pids.map(isAlive)).toEqual([true, true]);
    expect(existsSync(cwd)).toBe(true);

    await emulator.stop();
    await emulator.stop();

    await expect.poll(() => pids.map(isAlive), SOON).toEqual([false, false]);
    expect(existsSync(cwd)).toBe(false);
  });

  test('all processes end when the process that started them is killed', async () => {
    const { port } = await standIn();
    const starter = path.join(import.meta.dirname, 'helpers', 'launch-stand-in.ts');
    const parent = spawn(process.execPath, [starter, String(port), STAND_IN], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(parent.stdout, 'data');
    const { pids, cwd } = await whoIsThere(`http://127.0.0.1:${port}`);

    parent.kill('SIGKILL');

    await expect.poll(() => pids.map(isAlive), SOON).toEqual([false, false]);
    await expect.poll(() => existsSync(cwd), SOON).toBe(false);
  });

  test('if an emulator ends while it starts, the error shows the end of its log', async () => {
    const options = await standIn("console.log('no licence for this machine'); process.exit(3);");

    const failure = await launch(options).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(EmulatorStartError);
    expect((failure as Error).message).toContain('ended while it started');
    expect((failure as Error).message).toContain('no licence for this machine');
  });

  test('stops an emulator that never becomes ready', async () => {
    const name = randomUUID();
    const options = await standIn(`setInterval(() => {}, 1e6); // ${name}`);

    const failure = await launch({ ...options, readyTimeoutMs: 1_000 }).catch((error: unknown) => error);

    expect((failure as Error).message).toContain('was not ready within 1 s');
    expect(commandLines()).not.toContain(name);
  });
});

describe('choosePort', () => {
  const servers: http.Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  test('reports an emulator that is already running', async () => {
    const port = await serve('{"services": {"s3": "running"}}', '/_localstack/health');

    const failure = await choosePort('MiniStack', port).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(PortTakenError);
    expect((failure as Error).message).toContain(
      `MiniStack cannot start: a LocalStack already uses port ${port}`,
    );
    expect((failure as Error).message).toContain(`--port ${port + 1}`);
  });

  test('reports a port that another program uses', async () => {
    const port = await serve('hello');

    await expect(choosePort('LocalStack', port)).rejects.toThrow(
      `port ${port} of 127.0.0.1 is in use by another program`,
    );
  });

  test('chooses any free port on request', async () => {
    expect(await choosePort('LocalStack', 'auto')).toBeGreaterThan(0);
  });

  test.each([0, 65_536, 1.5, Number.NaN])('rejects port %s', async (port) => {
    await expect(choosePort('LocalStack', port)).rejects.toThrow(
      /a whole number from 1 to 65535, or 'auto'; received/,
    );
  });

  async function serve(body: string, at?: string): Promise<number> {
    const server = http.createServer((request, response) => {
      response.statusCode = at === undefined || request.url === at ? 200 : 404;
      response.end(body);
    });
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  }
});

describe('functionProcessesMax', () => {
  const GIB = 1024 ** 3;

  afterEach(() => {
    vi.stubEnv('MAPREDUCE_FUNCTION_PROCESSES', undefined);
  });

  test.each([
    ['memory is scarce', { memoryBytes: 8 * GIB, cores: 8 }, 16],
    ['cores are scarce', { memoryBytes: 64 * GIB, cores: 2 }, 32],
    ['both are, as in a new account', { memoryBytes: GIB, cores: 1 }, 10],
    ['neither is, as in an old account', { memoryBytes: 2_048 * GIB, cores: 192 }, 1_000],
  ])('where %s', (_, machine, expected) => {
    expect(defaultFunctionProcessesMax(machine)).toBe(expected);
  });

  test('prefers the option to the variable, and the variable to the machine', () => {
    vi.stubEnv('MAPREDUCE_FUNCTION_PROCESSES', '12');

    expect(functionProcessesMax(3)).toBe(3);
    expect(functionProcessesMax()).toBe(12);
  });

  test.each(['0', '1.5', '-1', 'many', '1001'])('rejects %s', (value) => {
    vi.stubEnv('MAPREDUCE_FUNCTION_PROCESSES', value);

    expect(() => functionProcessesMax()).toThrow(
      `MAPREDUCE_FUNCTION_PROCESSES must be a whole number from 1 to 1000, the number of functions that may run at once; received ${value}`,
    );
    expect(() => functionProcessesMax(Number(value))).toThrow(/functionProcessesMax must be a whole number/);
  });
});

describe('preparePythonEnvironment', () => {
  test('if there is no suitable Python, says which one is needed, what was found and how to install it', async () => {
    vi.stubEnv('MAPREDUCE_PYTHON', '');
    vi.stubEnv('PATH', scratch);
    vi.stubEnv('PYENV_ROOT', scratch);

    const failure = await prepare(path.join(scratch, 'no-requirements.txt')).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(EmulatorUnavailableError);
    expect((failure as Error).message).toMatch(
      /LocalStack needs Python 3\.13; found no Python\. Install one/,
    );
  });

  async function prepare(requirementsFile: string) {
    writeFileSync(requirementsFile, '# nothing\n');
    return await preparePythonEnvironment({
      name: 'LocalStack',
      requirementsFile,
      minors: [13],
      cost: 'nothing',
      say: () => {},
    });
  }
});

async function standIn(source: string = STAND_IN): Promise<LaunchOptions> {
  const port = await freePort();
  return {
    name: 'MiniStack',
    port,
    endpoint: `http://127.0.0.1:${port}`,
    environment: {},
    healthPath: '/health',
    readyTimeoutMs: 120_000,
    say: () => {},
    command: () => ({
      command: process.execPath,
      args: ['-e', source],
      env: { ...process.env, STAND_IN_PORT: String(port) },
    }),
  };
}

function isAlive(pid: number): boolean {
  // The list still contains a process that has ended if its parent has not waited for it.
  return /^[^Z]/.test(ps('-o', 'stat=', '-p', String(pid)));
}

function commandLines(): string {
  return ps('-A', '-ww', '-o', 'args=');
}

/** Returns nothing if there is no such process. */
function ps(...args: string[]): string {
  return spawnSync('/bin/ps', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).stdout.trim();
}

async function whoIsThere(url: string): Promise<{ pids: number[]; cwd: string }> {
  const response = await fetch(url);
  return (await response.json()) as { pids: number[]; cwd: string };
}
