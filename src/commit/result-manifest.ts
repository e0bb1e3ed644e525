/** Which files of a folder are a result of ours, as its manifest says. A manifest may have come from anywhere. */
import { isPartName, MANIFEST_NAME } from './layout.ts';

/** Names of the parts, and the job. */
export interface ResultManifest {
  readonly jobId: string;
  readonly parts: readonly string[];
}

/** @returns undefined for what no job of ours wrote, or where a part has a name that no job of ours gives */
export function parseResultManifest(text: string): ResultManifest | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value.formatVersion !== 1) return undefined;
  const { jobId, jobName, parts } = value;
  if (typeof jobId !== 'string' || typeof jobName !== 'string' || !Array.isArray(parts)) return undefined;
  const names = parts.map((part: unknown) => (isRecord(part) ? part.name : undefined));
  if (!names.every(isPlainPartName)) return undefined;
  return { jobId, parts: names };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isPlainPartName(name: unknown): name is string {
  return typeof name === 'string' && name !== MANIFEST_NAME && isPartName(name) && !/[/\\\0]/.test(name);
}
