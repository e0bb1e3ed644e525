import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type AppName, apps } from '../../apps/index.ts';

const APPS_FOLDER = new URL('../../apps/', import.meta.url);
const names = Object.keys(apps) as AppName[];

test('the registry has every folder of apps/', () => {
  const folders = readdirSync(APPS_FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  expect(names).toEqual(folders.map((folder) => folder.name).sort());
});

test.each(names)(
  '%s is a job with that name, a description, a README and, unless it generates its input, a sample',
  async (name) => {
    const { default: job } = await apps[name].load();

    expect(job.name).toBe(name);
    expect(job.description).not.toBe('');
    expect(existsSync(apps[name].url)).toBe(true);
    expect(readFileSync(new URL('README.md', apps[name].url), 'utf8')).toContain(`# ${name}\n`);
    const samples = readdirSync(new URL('.', apps[name].url)).filter((file) => /^sample(?:\.|$)/.test(file));
    const generates = job.inputs.some(
      ({ source }) => typeof source.cuts === 'object' && 'generate' in source.cuts,
    );
    expect(samples).toHaveLength(generates ? 0 : 1);
  },
);

test.each(names)('the table of apps/README.md links %s', (name) => {
  const readme = readFileSync(new URL('README.md', APPS_FOLDER), 'utf8');

  expect(readme).toContain(`[${name}](${name}/README.md)`);
});

test('loads a job only when it is requested', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    const { apps } = await import(${JSON.stringify(new URL('index.ts', APPS_FOLDER).href)});
    const jobs = () => loaded.filter((url) => url.includes('/apps/') && url.endsWith('/job.ts')).length;
    const before = jobs();
    await apps.sort.load();
    console.log(JSON.stringify({ before, after: jobs() }));`;

  const printed = execFileSync(
    process.execPath,
    ['--conditions=serverless-mapreduce-source', '--input-type=module', '--eval', script],
    { encoding: 'utf8' },
  );

  expect(JSON.parse(printed)).toEqual({ before: 0, after: 1 });
});
