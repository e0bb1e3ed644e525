import { PartOutput } from './part-output.ts';
import type { RecordCodecs, TaskOutput, TaskOutputOptions } from './task-output.ts';

/** @param codecs  needed for append() */
export async function createTaskOutput(
  options: TaskOutputOptions,
  codecs?: RecordCodecs,
): Promise<TaskOutput> {
  if (!options.environment.settings.severalFiles) return new PartOutput(options, codecs);
  // Loaded only for such jobs, because start-up time counts.
  const { FilesOutput } = await import('./files-output.ts');
  return new FilesOutput(options, codecs);
}
