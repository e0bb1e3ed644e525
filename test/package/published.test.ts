import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type UserProject, userProject } from './published.ts';

describe('the package, installed into a project', () => {
  let user: UserProject;
  beforeAll(async () => {
    user = await userProject();
    return user.remove;
  });

  const readJson = async (path: string) => JSON.parse(await readFile(join(user.folder, path), 'utf8'));

  it('contains the compiled code, the sample apps and the documents, but no tests and no sources of the engine', () => {
    expect(user.packed).toEqual(
      expect.arrayContaining([
        'bin/mapreduce.js',
        'dist/src/index.d.ts',
        'dist/command/main.cjs',
        'dist/command/worker.cjs',
        'dist/command/LICENSES.txt',
        'dist/infra/index.js',
        'dist/lambdas/map.js',
        'apps/word-count/job.ts',
        'apps/word-count/sample.txt',
        'docs/architecture.md',
      ]),
    );
    expect(user.packed.filter((path) => /^(src|test|bench|infra|lambdas|node_modules)\b/.test(path))).toEqual(
      [],
    );
  });

  it('could be published for everyone, with package.json as it is', async () => {
    const report = await user.publishDryRun();

    expect(report).toMatch(/with tag latest and public access \(dry-run\)/);
    expect(report).not.toContain('auto-corrected');
  });

  it('runs a job of the project, and an app of the package', async () => {
    const input = ['--input', 'fox.txt', '--reducers', '1', '--quiet', '--output'];
    const longest = await user.run('mapreduce', ['run', './longest.ts', ...input, 'out/longest']);
    const words = await user.run('mapreduce', ['run', 'word-count', ...input, 'out/words']);

    expect(longest).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(words).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await readFile(join(user.folder, 'out/longest/part-r-00000.tsv'), 'utf8')).toBe(
      'b\tbrown\nd\tdog\nf\tfox\nj\tjumps\nl\tlazy\no\tover\nq\tquick\nt\tthe\n',
    );
    expect(await readFile(join(user.folder, 'out/words/part-r-00000.tsv'), 'utf8')).toContain('the\t2\n');
  });

  it('loads a handful of files for a small job, in all its threads', async () => {
    const list = join(user.folder, 'loaded.txt');
    const hook = `import { registerHooks } from 'node:module'; import { appendFileSync } from 'node:fs';
      registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(list)}, url + '\\n'); return next(url, context); } });`;

    const { code } = await user.run(
      'mapreduce',
      ['run', './longest.ts', '--input', 'fox.txt', '--output', 'out/loaded', '--quiet'],
      { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` },
    );

    const loaded = (await readFile(list, 'utf8')).split('\n').filter((url) => url.startsWith('file:'));
    const names = loaded.map((url) => url.replace(/^.*\/(?:serverless-mapreduce|user)\//, ''));
    expect(code).toBe(0);
    // bundle.js is loaded in both threads. It reads the two bundles itself.
    expect(names.sort()).toEqual([
      'bin/bundle.js',
      'bin/bundle.js',
      'bin/compile-cache.js',
      'bin/mapreduce.js',
      'dist/command/early-thread.cjs',
      'dist/command/index.js',
      'dist/command/worker.cjs',
      'longest.ts',
    ]);
  });

  it('keeps the compiled code of its bundles, and runs it', async () => {
    const cache = join(user.folder, 'cache');
    const kept = async () =>
      (await readdir(cache, { recursive: true })).filter((path) => /\.cjs-[0-9a-f]{8}$/.test(path)).sort();
    const run = (output: string) =>
      user.run(
        'mapreduce',
        ['run', './longest.ts', '--input', 'fox.txt', '--reducers', '1', '--quiet', '--output', output],
        { NODE_COMPILE_CACHE: cache },
      );

    const first = await run('out/first');
    const files = await kept();
    const inodes = await Promise.all(files.map(async (path) => (await stat(join(cache, path))).ino));
    const second = await run('out/second');

    expect([first, second]).toEqual(Array(2).fill({ code: 0, stdout: '', stderr: '' }));
    expect(files.map((path) => basename(path).replace(/-[^-]*$/, ''))).toEqual([
      'main.cjs',
      'worker-bundle.cjs',
    ]);
    expect(await kept()).toEqual(files);
    expect(await Promise.all(files.map(async (path) => (await stat(join(cache, path))).ino))).toEqual(inodes);
    expect(await readFile(join(user.folder, 'out/second/part-r-00000.tsv'))).toEqual(
      await readFile(join(user.folder, 'out/first/part-r-00000.tsv')),
    );
  });

  it('shows the line of the job that failed, and hides its own', async () => {
    const job = await readFile(join(user.folder, 'longest.ts'), 'utf8');
    await writeFile(
      join(user.folder, 'failing.ts'),
      job.replace('emit([...word][0]!, word)', `throw new Error('on purpose')`),
    );

    const { code, stderr } = await user.run('mapreduce', [
      ...['run', './failing.ts', '--input', 'fox.txt', '--output', 'out/failing', '--attempts', '1'],
    ]);

    expect(code).toBe(1);
    expect(stderr).toContain('UserCodeError: map() threw Error: on purpose');
    expect(stderr).toMatch(/\n {4}at .*failing\.ts:\d+:\d+\)?\n {4}\(\d+ more frames/);
  });

  it('tells users what to install before a deployment', async () => {
    const { code, stderr } = await user.run('mapreduce', ['deploy', '--jobs', 'jobs.ts']);

    expect(code).toBe(2);
    expect(stderr).toContain('npm install --save-dev aws-cdk@2 aws-cdk-lib@2 constructs@10');
  });

  describe('with the peer dependencies of the construct', () => {
    beforeAll(() => user.installPeers());

    it.each([
      ['nodenext', 'nodenext'],
      ['esnext', 'bundler'],
    ])('has types for strict mode, module %s and resolution %s', async (module, moduleResolution) => {
      const compilerOptions = {
        ...{ strict: true, noEmit: true, skipLibCheck: false, target: 'es2024', types: [] },
        ...{ module, moduleResolution, allowImportingTsExtensions: true },
      };
      const name = `tsconfig.${moduleResolution}.json`;
      await writeFile(
        join(user.folder, name),
        JSON.stringify({ compilerOptions, files: ['jobs.ts', 'cdk-app.ts'] }),
      );

      const checked = await user.run('tsc', ['--project', name]);

      expect(checked).toEqual({ code: 0, stdout: '', stderr: '' });
    });

    it('has types that reject mistakes', async () => {
      const job = await readFile(join(user.folder, 'longest.ts'), 'utf8');
      await writeFile(
        join(user.folder, 'wrong.ts'),
        job.replace('emit([...word][0]!, word)', 'emit([...word][0]!, 1)'),
      );

      const checked = await user.run('tsc', [
        ...['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--target', 'es2024'],
        ...['--module', 'nodenext', 'wrong.ts'],
      ]);

      expect(checked.code).not.toBe(0);
      expect(checked.stdout).toMatch(
        /'number' is not assignable to parameter of type 'string \| BytesRange'/,
      );
    });

    it.each(['cdk-app.ts', 'cdk-app.cjs'])('%s can put the construct into a stack', async (file) => {
      // The file that `cdk init` writes.
      const flags = await readFile(
        resolve(import.meta.dirname, '../../node_modules/aws-cdk-lib/recommended-feature-flags.json'),
        'utf8',
      );
      const output = `cdk.out-${file}`;
      await writeFile(
        join(user.folder, 'cdk.json'),
        JSON.stringify({ app: `"${process.execPath}" ${file}`, output, context: JSON.parse(flags) }),
      );

      const synthesised = await user.run('cdk', ['synth', '--quiet', '--no-notices']);

      expect(synthesised.code, synthesised.stderr).toBe(0);
      const { Resources } = (await readJson(`${output}/Analytics.template.json`)) as {
        Resources: Record<string, { Type: string }>;
      };
      const types = Object.values(Resources).map(({ Type }) => Type);
      expect(types.filter((type) => type === 'AWS::Lambda::Function')).toHaveLength(8);
      expect(types).toContain('AWS::StepFunctions::StateMachine');
    });
  });
});
