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

  test('names a limit that stops the job before those that slow it down', async () => {
    const args = ['plan', 'sort', '--size', '700GiB', '--split-size', '64MiB'];

    const { stdout } = await cli(args, { cwd: '/' });

    expect(stdout).toMatch(
      /^ {2}limit +tasks of one stage \(maxTasksPerStage\): 11,200 of 10,000 tasks, so the plan step refuses/m,
    );
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
    [['plan', 'pi', '--size', '1GB'], "job 'pi' generates its input, so it reads nothing of that size. Omit"],
    [['plan', 'word-count', '--size', '1GB', '--set', 'cas=keep'], 'cas'],
    [
      ['plan', 'sort', '--size', '1GB', '--region', 'mars'],
      "an AWS region, such as eu-central-1; received 'mars'",
    ],
    [['plan', 'sort', '--size', '1TB', '--split-size', '1MiB'], 'make more than 100000 map tasks'],
    [['plan', 'sort', '--size', '10MB', '--split-size', '64KiB'], 'make more than 100 map tasks'],
    [
      ['plan', 'grep', '--size', '1GB', '--set', 'pattern=a', '--reducers', '3'],
      'map-only (it has no reduce)',
    ],
    [['plan', 'sort', '--input', './missing'], './missing'],
  ])('refuses %j', async (args, message) => {
    const { code, stdout, stderr } = await cli(args, { cwd: '/' });

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
