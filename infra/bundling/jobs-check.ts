/**
 * Loads the jobs of a deployment as the functions will, before anything is deployed. It runs in a process of its own,
 * because a module that exits or never returns must not end the deployment, least of all with exit code 0.
 */
import { spawnSync } from 'node:child_process';
import type { DeployedApp } from '../../src/aws/protocol/app-catalog.ts';
import { deserializeError } from '../../src/base/errors.ts';
import { parseJson } from '../../src/codec/parse-json.ts';
import type { ProbeReport } from './apps-probe.ts';

const LOAD_TIMEOUT_MS = 60_000;
const REPORT_BYTES_MAX = 16 * 1024 * 1024;
const STDERR_CHARACTERS_MAX = 2_000;

/**
 * @param probe  path of the bundle of apps-probe.ts with the jobs
 * @param jobs  path of the jobs module, for messages
 * @throws Error that says what is wrong with the module
 */
export function loadedApps(probe: string, jobs: string): readonly DeployedApp[] {
  const { status, signal, output, error } = spawnSync(process.execPath, [probe], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: LOAD_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: REPORT_BYTES_MAX,
  });
  // Null when the process could not be started.
  const [stderr, report] = [output?.[2] ?? '', output?.[3] ?? ''];
  if (status === 0 && report !== '') {
    // The cast: apps-probe.ts, which is of the same version, wrote it.
    const found = parseJson(report) as ProbeReport;
    if ('apps' in found) return found.apps;
    throw new Error(`${jobs}: ${found.problem.message}`, { cause: deserializeError(found.problem) });
  }
  const how =
    signal === 'SIGKILL'
      ? `does not finish loading within ${LOAD_TIMEOUT_MS / 1_000} s`
      : `does not load${stderr === '' ? `: it ends the process with exit code ${status ?? error?.message}` : ''}`;
  throw new Error(`the jobs module ${jobs} ${how}${messageOf(stderr)}`);
}

/** What the module printed; for an uncaught error that is the file, the line, and the error with its stack. */
function messageOf(stderr: string): string {
  return stderr === '' ? '' : `:\n${stderr.trim().slice(-STDERR_CHARACTERS_MAX)}`;
}
