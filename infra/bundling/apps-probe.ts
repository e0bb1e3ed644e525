/**
 * Loads every app of a deployment and lists them. jobs-check.ts runs it, bundled with the jobs, in a process of its
 * own.
 */
import { writeSync } from 'node:fs';
import * as jobs from '#jobs';
import { registryOf } from '../../lambdas/runtime/registry.ts';
import { describeJob } from '../../src/api/job-description.ts';
import type { DeployedApp } from '../../src/aws/protocol/app-catalog.ts';
import { isMapReduceError } from '../../src/base/errors.ts';

const REPORT_FD = 3;

/** The apps, or a message that says what is wrong with them. */
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
    // Thrown by the user's modules: Node prints it with its stack.
    if (!isMapReduceError(error)) throw error;
    return { problem: error.message };
  }
}

writeSync(REPORT_FD, JSON.stringify(await probe()));
