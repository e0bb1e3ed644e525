import { vi } from 'vitest';
import { exitCodeOf } from '../../src/cli/process/exit-code.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly error: Error | undefined;
}

/** Runs a command in this process. Returns what it prints, its exit code, and the error that it throws. */
export async function outcomeOf(command: () => Promise<number>): Promise<Outcome> {
  const text = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      text[stream] += String(chunk);
      return true;
    }),
  );
  try {
    return { code: await command(), error: undefined, ...text };
  } catch (error) {
    return { code: exitCodeOf(error), error: error as Error, ...text };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
