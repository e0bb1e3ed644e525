/** Bundled with a deployment's jobs and run in a process of its own by jobs-check.ts: loads every app and lists them. */
import { writeSync } from 'node:fs';
import * as jobs from '#jobs';
import { registryOf } from '../lambdas/runtime/registry.ts';

const REPORT_FD = 3;

const registry = registryOf(jobs);
const apps: { name: string; description: string }[] = [];
for (const name of registry.names) {
  const { description } = await registry.find(name);
  apps.push({ name, description: String(description) });
}
writeSync(REPORT_FD, JSON.stringify(apps));
