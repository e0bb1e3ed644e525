import { describe, expect, test } from 'vitest';
import { cli, folderWith } from '../cli-process.ts';

const TEXT = 'a few words\n'.repeat(20_000);

describe('mapreduce plan', () => {
  test('plans the same tasks as a run, without writing anything', async () => {
    const cwd = folderWith({ 'a.txt': TEXT, 'b.txt': TEXT });
    const common = ['word-count', '--input', 'a.txt', 'b.txt', '--split-size', '50000', '--reducers', '3'];

    const planned = await cli(['plan', ...common, '--json'], { cwd });
    const run = await cli(['run', ...common, '--output', 'out', '--json'], { cwd });

    expect(planned).toMatchObject({ code: 0, stderr: '' });
    const estimate = JSON.parse(planned.stdout);
    const report = JSON.parse(run.stdout);
    expect(estimate.stages.map(({ tasks }: { tasks: number }) => tasks)).toEqual([report.input.splits, 3]);
    expect(estimate).toMatchObject({ job: 'word-count', files: 2, bytes: 2 * TEXT.length });
    expect(estimate.dollars.total.likely).toBeGreaterThan(0);
  });

  test('prints tasks, time, cost, requests, the first limit, assumptions and idle costs', async () => {
    const { code, stdout } = await cli(['plan', 'sort', '--size', '1TB'], { cwd: '/' });

    expect(code).toBe(0);
    expect(stdout).toMatch(/^sort: 59 files, 1.00 TB, on AWS\n/);
    expect(stdout).toMatch(/^ {2}map +\d+ /m);
    for (const name of ['time', 'cost', 'requests', 'limit', 'assumed', 'idle'])
      expect(stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
  });

  test.each([
    [['plan'], 'no job was given'],
    [['plan', 'sort', '--size', '1XB'], "--size must be a size; received '1XB'"],
    [['plan', 'sort', '--size', '1TB', '--input', 'a'], '--input and --size exclude each other'],
    [
      ['plan', 'sort', '--input', 's3://bucket/data/'],
      'mapreduce submit sort --input s3://bucket/data/ --dry-run',
    ],
    [['plan', 'teravalidate', '--size', '1GB'], "job 'teravalidate' has 2 inputs"],
    [['plan', 'pi', '--size', '1GB'], "job 'pi' generates its input"],
    [['plan', 'sort', '--input', './missing'], './missing'],
  ])('refuses %j', async (args, message) => {
    const { code, stdout, stderr } = await cli(args, { cwd: '/' });

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
