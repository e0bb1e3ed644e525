import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { paintFor, printable } from '../../../src/cli/display/paint.ts';
import { allBelow, cleanEnvironment, cli, folderWith } from '../cli-process.ts';

/**
 * Clears the screen, sets the title of the window, hides text, moves the cursor back, and changes the direction of
 * text.
 */
const HOSTILE = 'a\u001b[2J\u001b]0;title\u0007\u001b[8mb\rc\u009b31md\u202ee\u2066f\u200fg\u0000h\u007fi';
// biome-ignore lint/suspicious/noControlCharactersInRegex: the output must not contain these.
const COMMANDS_TERMINAL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const JOB = `
import { defineJob, jsonPairs, textLines } from 'serverless-mapreduce';
export default defineJob({
  name: 'hostile',
  description: 'a\\u001b[2Jb\\u202ec',
  input: textLines(),
  key: 'string',
  value: 'number',
  params: { text: { type: 'string', default: 'd\\u001b[2J', description: 'd\\u001b[2J\\u202e' } },
  map(line, { emit, count }) {
    count(line);
    if (line.startsWith('throw')) throw new Error(line);
    emit(line, 1);
  },
  reduce: 'sum',
  output: jsonPairs(),
});
`;

describe('untrusted text', () => {
  test('is shown without control characters', () => {
    expect(printable(HOSTILE)).not.toMatch(COMMANDS_TERMINAL);
    expect(printable('tab\tand é 日本 🙂\n')).toBe('tab\tand é 日本 🙂\n');
  });

  test('in lines, counters, file names and errors of a job does not control the terminal', async () => {
    const folder = folderWith({
      'job.ts': JOB,
      [`in${'\u202e'}.txt`]: `${HOSTILE}\n`,
      'bad.txt': `throw ${HOSTILE}\n`,
    });
    const runs = [
      await cli(['run', './job.ts', '-i', `in${'\u202e'}.txt`, '-o', 'out'], { cwd: folder }),
      await cli(['run', './job.ts', '-i', 'bad.txt', '-o', 'out2', '--attempts', '1'], { cwd: folder }),
      await cli(['run', './job.ts', '-i', `no${HOSTILE.replaceAll('\0', '')}`, '-o', 'out3'], {
        cwd: folder,
      }),
      await cli(['describe', './job.ts'], { cwd: folder }),
    ];

    expect(runs.map(({ code }) => code)).toEqual([0, 1, 2, 0]);
    expect(runs.flatMap(({ stdout, stderr }) => [stdout, stderr]).join('\n')).not.toMatch(COMMANDS_TERMINAL);
  });

  test('with line ends in names adds no line', async () => {
    const forged = 'x\nerror: forged\nresult  forged';
    const folder = folderWith({
      'job.ts': JOB.replace('count(line);', `count(${JSON.stringify(forged)});`),
      [`in ${forged}.txt`]: 'a\n',
      [`bad ${forged}.txt`]: 'throw\n',
      [`${forged}.gz`]: 'no gzip',
    });
    const jobOver = (input: string, output: string) =>
      cli(['run', './job.ts', '-i', input, '-o', output, '--attempts', '1'], { cwd: folder });

    const runs = [
      await jobOver(`in ${forged}.txt`, `out ${forged}`),
      await jobOver(`bad ${forged}.txt`, 'out2'),
      await jobOver(`${forged}.gz`, 'out3'),
      await jobOver(`absent ${forged}`, 'out4'),
      await jobOver(`in ${forged}.txt`, `in ${forged}.txt`),
      await cli(['report', `./out ${forged}`, '-o', `page ${forged}`], { cwd: folder }),
      await cli(['report', `./absent ${forged}`], { cwd: folder }),
    ];

    expect(runs.map(({ code }) => code)).toEqual([0, 1, 1, 2, 2, 0, 2]);
    const text = runs.flatMap(({ stdout, stderr }) => [stdout, stderr]).join('\n');
    expect(text).not.toMatch(/^(error: |result {2}|)forged/m);
    expect(text).toContain('x·error: forged·result  forged');
  });

  test.each([[[`ru${HOSTILE}n`]], [['run', `--${HOSTILE}`]], [['run', '--attempts', HOSTILE]]])(
    'in a rejected command line does not control the terminal: %j',
    async (args) => {
      const { code, stdout, stderr } = await cli(
        args.map((arg) => arg.replaceAll('\0', '')),
        {
          cwd: folderWith({}),
        },
      );

      expect(code).toBe(2);
      expect(stderr).toContain('error:');
      expect(`${stdout}${stderr}`).not.toMatch(COMMANDS_TERMINAL);
    },
  );

  test('is escaped in JSON on stdout, without changing the document', async () => {
    const folder = folderWith({ 'job.ts': JOB, 'in.txt': `${HOSTILE}\n` });

    const { stdout } = await cli(['run', './job.ts', '-i', 'in.txt', '-o', 'out', '--json'], { cwd: folder });

    expect(stdout).not.toMatch(COMMANDS_TERMINAL);
    expect(Object.keys((JSON.parse(stdout) as { counters: object }).counters)).toContain(
      HOSTILE.replace('\r', '\r'),
    );
  });

  test('is rejected as the name of a part when a page is made from a manifest', async () => {
    const folder = folderWith({ 'job.ts': JOB, 'in.txt': 'a\n' });
    await cli(['run', './job.ts', '-i', 'in.txt', '-o', 'out'], { cwd: folder });
    const file = join(folder, 'out/manifest.json');
    const text = readFileSync(file, 'utf8');

    for (const change of [
      text.replace('"hostile-', '"../../x-'),
      text.replace('part-r-00000.jsonl', '../../x'),
      text.replace('"hostile-', '"\\u001b[2J'),
    ]) {
      writeFileSync(file, change);
      const { code, stderr } = await cli(['report', 'out'], { cwd: folder });
      expect([code, stderr]).toEqual([2, expect.stringContaining('is not the manifest of a job')]);
    }
    rmSync(join(folder, 'out'), { recursive: true });
    expect(allBelow(folder)).toEqual(['in.txt', 'job.ts']);
  });

  test('does not remove the colours of the command itself', () => {
    const script = `
      const { print } = await import(${JSON.stringify(new URL('../../../src/cli/display/terminal.ts', import.meta.url).href)});
      print(${JSON.stringify('\u001b[1mbold\u001b[22m \u001b[31mred\u001b[39m \u001b[8mhidden\u001b[28m')});`;

    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      env: cleanEnvironment(),
      encoding: 'utf8',
    });

    expect(stdout).toBe('\u001b[1mbold\u001b[22m \u001b[31mred\u001b[39m ·[8mhidden·[28m');
    expect(paintFor(process.stdout)('bold', 'x')).toContain('x');
  });
});
