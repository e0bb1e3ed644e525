/** Whatever a job's code does, the command ends with the right exit code, and Ctrl-C stops it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cli, folderWith, hasPrinted, startCli } from '../cli-process.ts';

interface Code {
  readonly top?: string;
  readonly setup?: string;
  readonly map?: string;
  readonly more?: string;
}

function jobThat({ top = '', setup = '', map = '', more = '' }: Code): string {
  return `
import { byRange, defineJob, lines, textLines } from 'serverless-mapreduce';
import { execSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
const say = (text: string) => writeSync(2, text + '\\n');
${top}
export default defineJob({
  name: 'hostile',
  description: 'Misbehaves',
  input: textLines(),
  key: 'string',
  value: 'string',
  setup() { ${setup} },
  map(line: string, { emit }) {
    ${map}
    emit(line, '');
  },
  reduce: 'each',
  output: lines(),
  ${more}
});
`;
}

const SAMPLED = { more: 'partition: byRange(),' };
const TWO_PARTS = ['--reducers', '2'];

function commandOver(code: Code, ...more: string[]) {
  const cwd = folderWith({ 'job.ts': jobThat(code), 'in.txt': 'b\na\nd\nc\n' });
  const args = ['run', './job.ts', '-i', 'in.txt', '-o', 'out', '--attempts', '1', ...more];
  return { cwd, args, hasResult: () => existsSync(join(cwd, 'out/_SUCCESS')) };
}

describe('if a job ends its process, only its worker ends, and the command fails', () => {
  test.each<[where: string, code: Code, how: string[], exitCode: number]>([
    ['while its module loads', { top: 'process.exit(0);' }, [], 2],
    ['in setup', { setup: 'process.exit(0);' }, [], 1],
    ['in map, while sampling', { map: 'process.exit(0);', ...SAMPLED }, TWO_PARTS, 1],
    ['in map of a sequential run', { map: 'process.exit(0);' }, ['--sequential'], 1],
    ['in map, on workers', { map: 'process.exit(0);' }, ['--workers', '2'], 1],
  ])('process.exit(0) %s', async (_, code, how, exitCode) => {
    const { cwd, args, hasResult } = commandOver(code, ...how);

    const ended = await cli(args, { cwd });

    expect(ended).toMatchObject({ code: exitCode, stdout: '' });
    expect(ended.stderr).toMatch(/the job's code called process\.exit\(0\)/);
    expect(ended.stderr).toMatch(/job\.ts:\d+:\d+/);
    expect(ended.stderr).not.toContain('defect');
    expect(hasResult()).toBe(false);
  });

  test('describe fails if the module calls process.exit(0)', async () => {
    const { cwd } = commandOver({ top: 'process.exit(0);' });

    const { code, stderr } = await cli(['describe', './job.ts'], { cwd });

    expect(code).toBe(2);
    expect(stderr).toContain("the job's code called process.exit(0)");
  });
});

describe('if a default export throws when it is read, the error blames the module, not mapreduce', () => {
  test.each([
    [
      'a proxy that always throws',
      '',
      'new Proxy({}, { get() { throw new Error("trap"); } })',
      'Error: trap',
    ],
    [
      'a job that throws null for one field',
      'const get = (job: any, name: any) => { if (name === "inputs") throw null; return job[name]; };',
      'new Proxy(job, { get })',
      'it threw null',
    ],
  ])('if it is %s', async (_, top, exported, thrown) => {
    const made = jobThat({ top }).replace('export default defineJob(', 'const job = defineJob(');
    const cwd = folderWith({ 'job.ts': `${made}\nexport default ${exported};`, 'in.txt': 'a\n' });

    for (const args of [
      ['run', './job.ts', '-i', 'in.txt', '-o', 'out'],
      ['describe', './job.ts'],
    ]) {
      const { code, stderr } = await cli(args, { cwd });

      expect(stderr).toContain(`threw while its default export was read: ${thrown}`);
      expect(stderr).not.toContain('defect');
      expect(code).toBe(2);
    }
  });
});

describe('a job that never returns is stopped', () => {
  const LOOP = "say('looping'); for (;;);";
  const places: [where: string, code: Code, how: string[]][] = [
    ['in its module', { top: LOOP }, []],
    ['in setup', { setup: LOOP }, []],
    ['in map, while sampling', { map: LOOP, ...SAMPLED }, TWO_PARTS],
    ['in map of a sequential run', { map: LOOP }, ['--sequential']],
    [
      'in a partitioner of a sequential run',
      { more: `partition: () => { ${LOOP} return 0; },` },
      ['--sequential'],
    ],
  ];

  test.each(places)('by Ctrl-C: a loop %s', async (_, code, how) => {
    const { cwd, args, hasResult } = commandOver(code, ...how);
    const child = startCli(args, { cwd });
    await hasPrinted(child, /looping/);

    child.kill('SIGINT');
    const { code: exitCode, stderr } = await child.ended;

    expect(exitCode).toBe(130);
    expect(stderr).toContain('stopped: the job was cancelled');
    expect(hasResult()).toBe(false);
  });

  test.each(places.slice(1))('by --stall-timeout: a loop %s', async (_, code, how) => {
    const { cwd, args, hasResult } = commandOver(code, ...how, '--stall-timeout', '1s');

    const { code: exitCode, stderr } = await cli(args, { cwd });

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/made no progress for 1000 ms/);
    expect(hasResult()).toBe(false);
  });

  test('a module that waits forever at its top level fails at once', async () => {
    const { cwd, args } = commandOver({ top: 'await new Promise(() => {});' });

    const { code, stderr } = await cli(args, { cwd });

    expect(code).toBe(2);
    expect(stderr).toContain(
      'never finishes loading: a promise that it awaits at its top level never settles',
    );
  });

  test('a second Ctrl-C ends the command even if a worker hangs in a system call', async () => {
    const { cwd, args } = commandOver({ map: "say('hanging'); execSync('sleep 60');" });
    const child = startCli(args, { cwd });
    await hasPrinted(child, /hanging/);
    const startedMs = performance.now();

    child.kill('SIGINT');
    await hasPrinted(child, /quits immediately/);
    const again = setInterval(() => child.kill('SIGINT'), 200);
    // Waits for the exit of the process itself, because the sleeping grandchild keeps the pipes open.
    await new Promise((resolve) => child.once('exit', resolve));
    clearInterval(again);

    expect(child.exitCode ?? child.signalCode).not.toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(40_000);
  }, 120_000);
});

describe("an error thrown by a job is reported as the job's, never as a defect of mapreduce", () => {
  test.each<[what: string, code: Code, how: string[], message: RegExp]>([
    ['null, thrown by the module', { top: 'throw null;' }, [], /job\.ts does not load: it threw null/],
    [
      'an object without text, thrown by map',
      { map: 'throw Object.create(null);' },
      ['--sequential'],
      /map\(\) threw/,
    ],
    [
      'an unhandled rejection in the module',
      {
        top: "Promise.reject(new TypeError('nobody listens')); await new Promise((go) => setTimeout(go, 500));",
      },
      [],
      /uncaught error: TypeError: nobody listens/,
    ],
    [
      'an unhandled rejection in map',
      { map: "Promise.reject(new TypeError('nobody listens')); execSync('sleep 0.1');" },
      ['--sequential'],
      /uncaught error: TypeError: nobody listens/,
    ],
    [
      'an unhandled rejection in map, while sampling',
      { map: "Promise.reject(new TypeError('nobody listens'));", ...SAMPLED },
      TWO_PARTS,
      /uncaught error: TypeError: nobody listens/,
    ],
    [
      'a change of the working folder',
      { map: "process.chdir('/');" },
      ['--sequential'],
      /process\.chdir\(\) is not supported in workers/,
    ],
  ])('if it is %s', async (_, code, how, message) => {
    const { cwd, args, hasResult } = commandOver(code, ...how);

    const { code: exitCode, stderr } = await cli(args, { cwd });

    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('defect');
    expect(hasResult()).toBe(false);
  });
});

describe('what a job does to its process affects only its worker', () => {
  test.each<[what: string, code: Code]>([
    ['sets an exit code', { top: 'process.exitCode = 3;' }],
    [
      'posts its own messages',
      { top: "parentPort?.postMessage(null); parentPort?.postMessage({ kind: 'result' });" },
    ],
    ['ends stdout', { map: 'process.stdout.end();' }],
    ['removes all listeners', { setup: 'process.removeAllListeners();' }],
    [
      'replaces the console and stdout',
      { setup: 'console.log = () => { throw 1; }; process.stdout.write = () => true;' },
    ],
  ])('if it %s', async (_, code) => {
    const { cwd, args, hasResult } = commandOver(code, '--sequential', '--json');

    const ended = await cli(args, { cwd });

    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({ jobName: 'hostile' });
    expect(hasResult()).toBe(true);
  });

  test('a listener for SIGINT does not stop Ctrl-C from ending the command', async () => {
    const { cwd, args } = commandOver({
      top: "process.on('SIGINT', () => {});",
      map: "say('looping'); for (;;);",
    });
    const child = startCli(args, { cwd });
    await hasPrinted(child, /looping/);

    child.kill('SIGINT');

    expect((await child.ended).code).toBe(130);
  });
});
