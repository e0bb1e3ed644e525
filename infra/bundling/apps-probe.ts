/**
 * Loads every app of a deployment and lists them. jobs-check.ts runs it, bundled with the jobs, in a process of its
 * own.
 */
import { writeSync } from 'node:fs';
import { registryOf } from '../../lambdas/runtime/registry.ts';
import { describeJob } from '../../src/api/job-description.ts';
import type { DeployedApp } from '../../src/aws/protocol/app-catalog.ts';
import { isMapReduceError, type SerializedError, serializeError } from '../../src/base/errors.ts';

const REPORT_FD = 3;

/** What the probe found: the apps, or what is wrong with how they are defined. */
export type ProbeReport = { readonly apps: readonly DeployedApp[] } | { readonly problem: SerializedError };

async function probe(): Promise<ProbeReport> {
  try {
    // Here, so that what defineJob() refuses while the module loads is caught too.
    const registry = registryOf(await import('#jobs'));
    const apps: DeployedApp[] = [];
    for (const name of registry.names) {
      const job = await registry.find(name);
      const { description, inputs, params, shuffle } = describeJob(job);
      apps.push({
        name,
        description,
        params,
        isMapOnly: shuffle === undefined,
        inputs: inputs.map(({ name: input, isGenerated, isText, looks }) => ({
          ...(input === undefined ? {} : { name: input }),
          isGenerated,
          isText,
          looks,
        })),
      });
    }
    return { apps };
  } catch (error) {
    // Thrown by the user's modules: Node prints it with its stack.
    if (!isMapReduceError(error)) throw error;
    return { problem: serializeError(error) };
  }
}

writeSync(REPORT_FD, JSON.stringify(await probe()));
