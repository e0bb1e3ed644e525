import { describe, expect, test } from 'vitest';
import {
  type AppCatalog,
  catalogOf,
  commentOf,
  type DeployedApp,
} from '../../../src/aws/protocol/app-catalog.ts';
import { LIMITS } from '../../../src/base/limits.ts';

const app = (more: Partial<DeployedApp> = {}): DeployedApp => ({
  name: 'hits',
  description: 'Lines\nof "text" \u{1f600}',
  params: JSON.parse(
    '{"__proto__":{"type":"boolean","default":true,"description":"d"},"constructor":{"type":"string","choices":["a"],"description":""}}',
  ),
  isMapOnly: false,
  inputs: [{ isGenerated: false, isText: true, looks: true }],
  ...more,
});
const definitionWith = (catalog: AppCatalog) => JSON.stringify({ Comment: commentOf(catalog), States: {} });

describe('the comment of the state machine', () => {
  test.each<AppCatalog>([
    { by: { project: 'logs', jobs: 'src/jobs' }, apps: [app(), app({ name: 'more', params: {} })] },
    { by: { jobs: 'jobs' }, apps: [] },
  ])('keeps the apps unchanged', (catalog) => {
    expect(JSON.stringify(catalogOf(definitionWith(catalog)))).toBe(JSON.stringify(catalog));
  });

  test('begins with a line for people, and has only that line if there are too many apps', () => {
    const many = Array.from({ length: 1_000 }, () => app({ description: 'x'.repeat(200) }));

    const comment = commentOf({ by: { jobs: 'jobs' }, apps: many });

    expect(comment).toBe('MapReduce: plan, map, barrier, reduce, barrier, commit');
    expect(commentOf({ by: { jobs: 'jobs' }, apps: [app()] }).split('\n')[0]).toBe(comment);
    expect(catalogOf(JSON.stringify({ Comment: comment }))).toBeUndefined();
    expect(Buffer.byteLength(commentOf({ by: { jobs: 'j' }, apps: many.slice(0, 300) }))).toBeLessThanOrEqual(
      LIMITS.appCatalogBytesMax,
    );
  });

  test.each([
    '{}',
    '{"Comment":5}',
    '{"Comment":"MapReduce\\n{"}',
    '{"Comment":"MapReduce\\n{\\"formatVersion\\":2,\\"by\\":{\\"jobs\\":\\"j\\"},\\"apps\\":[]}"}',
    '{"Comment":"MapReduce\\n{\\"formatVersion\\":1,\\"by\\":{\\"jobs\\":\\"j\\"},\\"apps\\":[{\\"name\\":5}]}"}',
  ])('has no catalog if another version or another program wrote it: %s', (definition) => {
    expect(catalogOf(definition)).toBeUndefined();
  });
});
