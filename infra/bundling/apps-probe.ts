/** Bundled with a deployment's jobs and run in a process of its own by jobs-check.ts: loads every app and lists them. */
import { writeSync } from 'node:fs';
import * as jobs from '#jobs';
import { registryOf } from '../../lambdas/runtime/registry.ts';
import { describeJob } from '../../src/api/job-description.ts';
import type { DeployedApp } from '../../src/aws/protocol/app-catalog.ts';
import { isMapReduceError } from '../../src/base/errors.ts';

const REPORT_FD = 3;

/** What the probe found: the apps, or what is wrong with them, for a person. */
export type ProbeReport = { readonly apps: readonly DeployedApp[] } | { readonly problem: string };

async function probe(): Promise<ProbeReport> {
  try {
    const registry = registryOf(jobs);
    const apps: DeployedApp[] = [];
    for (const name of registry.names) {
      const job = await registry.find(name);
      const { description, params, shuffle } = describeJob(job);
      const [isMapOnly, isText] = [shuffle === undefined, job.input.isText === true];
      apps.push({ name, description, params, isMapOnly, isText });
    }
    return { apps };
  } catch (error) {
    // Of a module that an app loads: printed by Node, with its stack.
    if (!isMapReduceError(error)) throw error;
    return { problem: error.message };
  }
}

writeSync(REPORT_FD, JSON.stringify(await probe()));
