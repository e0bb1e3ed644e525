import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

const MODULE = new URL('../../src/local/wasm-wrappers.ts', import.meta.url).href;

/** What V8 says it compiled while a worker thread stripped types, often enough for bridges to be worth compiling. */
function traceOfStripping(before: string): string {
  const worker = `
    import { stripTypeScriptTypes } from 'node:module';
    import { readFileSync } from 'node:fs';
    const source = readFileSync(new URL('worker-pool.ts', ${JSON.stringify(MODULE)}), 'utf8');
    for (let time = 0; time < 400; time++) stripTypeScriptTypes(source);`;
  const script = `
    import { Worker } from 'node:worker_threads';
    ${before}
    new Worker(${JSON.stringify(worker)}, { eval: true });`;
  const args = ['--no-warnings', '--trace-wasm-compilation-times', '--input-type=module', '--eval', script];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

describe('bridges from WebAssembly to JavaScript', () => {
  test('are compiled when types are stripped: nothing to hold back would be good news', () => {
    expect(traceOfStripping('')).toMatch(/WasmToJS wrapper/);
  });

  test('are not compiled in worker threads once they are held back', () => {
    const before = `(await import(${JSON.stringify(MODULE)})).keepWasmWrappersGeneric();`;
    expect(traceOfStripping(before)).not.toMatch(/WasmToJS wrapper/);
  });
});
