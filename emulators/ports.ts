import { randomInt } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

import { PortTakenError } from './errors.ts';

export const DEFAULT_PORT = 4566;
/** The timeout for finding out which program listens on a port. */
const HEALTH_TIMEOUT_MS = 10_000;

/** A number means exactly that port. `'auto'` means the default port if it is free, otherwise any free port. */
export type PortChoice = number | 'auto';

/** Returns a port on 127.0.0.1 that was free a moment ago. Throws a PortTakenError that names the program that uses it. */
export async function choosePort(name: string, choice: PortChoice = DEFAULT_PORT): Promise<number> {
  const wanted = choice === 'auto' ? DEFAULT_PORT : choice;
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > 65_535) {
    throw new PortTakenError(
      `${name}: the port must be a whole number from 1 to 65535, or 'auto'; received ${choice}`,
    );
  }
  if (await isFree(wanted)) return wanted;
  if (choice === 'auto') return await freePort();

  const running = await emulatorAt(wanted);
  const instead = `Stop it, or choose another port: --port ${wanted + 1}, or --port auto for any free one.`;
  throw new PortTakenError(
    running
      ? `${name} cannot start: ${running} already uses port ${wanted}. ${instead}`
      : `${name} cannot start: port ${wanted} of 127.0.0.1 is in use by another program (to find it, run ` +
          `"lsof -i :${wanted}"). ${instead}`,
  );
}

/** Returns a free port outside the range that the system assigns by itself, to outgoing connections or to listeners on port 0. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FREE_PORTS.start, FREE_PORTS.end);
    if (await isFree(port)) return port;
  }
}

/** Linux assigns ports from 32768 on, macOS from 49152. */
const FREE_PORTS = { start: 16_384, end: 32_768 };

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}

async function emulatorAt(port: number): Promise<string | undefined> {
  const [isMiniStack, isLocalStack] = await Promise.all([
    isHealthy(`127.0.0.1:${port}/_ministack/health`),
    isHealthy(`127.0.0.1:${port}/_localstack/health`),
  ]);
  return isMiniStack ? 'a MiniStack' : isLocalStack ? 'a LocalStack' : undefined;
}

/** Tries HTTP and TLS. It sends nothing secret, so it accepts any certificate. */
async function isHealthy(where: string): Promise<boolean> {
  for (const { scheme, get } of [
    { scheme: 'http', get: http.get },
    { scheme: 'https', get: https.get },
  ]) {
    const body = await new Promise<string>((resolve) => {
      const options = { timeout: HEALTH_TIMEOUT_MS, agent: false, rejectUnauthorized: false };
      const request = get(`${scheme}://${where}`, options, async (response) => {
        const chunks = response.statusCode === 200 ? await response.toArray().catch(() => []) : [];
        resolve(Buffer.concat(chunks).toString());
      });
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(''));
    });
    if (body.includes('"services"')) return true;
  }
  return false;
}
