import { describe, expect, test } from 'vitest';
import { cli } from '../cli-process.ts';

describe('mapreduce list', () => {
  test('names each app with its description and its parameters', async () => {
    const { code, stdout } = await cli(['list'], { cwd: '/' });

    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^word-count\n {2}How often each word occurs\n {2}--set case=lower\|keep {2}.+\(default: lower\)\n/m,
    );
    expect(stdout).toMatch(/^grep\n(.+\n)* {2}--set pattern=<string> +.+\(required\)\n/m);
  });
});
