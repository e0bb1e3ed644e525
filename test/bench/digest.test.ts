import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digestOf, outputFiles } from '../../bench/digest.ts';
import { isEqual } from '../../bench/suite.ts';
import { folderOfFile } from '../helpers/temporary-folder.ts';

const folder = folderOfFile('bench-digest');

function digest(...contents: string[]) {
  return digestOf(
    contents.map((content, index) => {
      const path = join(folder, `file-${index}`);
      writeFileSync(path, content);
      return path;
    }),
  );
}

describe('digest', () => {
  test('is the same for the same lines in another order or in other files', () => {
    const one = digest('a\t1\nb\t20\nc\t3\n');
    const other = digest('c\t3\n', 'b\t20\na\t1\n');

    const equal = isEqual(one, other, 'lines');

    expect(equal).toBe(true);
    expect(one).toMatchObject({ lines: 3, bytes: 13, total: 24 });
  });

  test.each([
    ['a different count', 'a\t1\nb\t21\nc\t3\n'],
    ['a missing line', 'a\t1\nb\t20\n'],
    ['a duplicate line in place of another', 'a\t1\nb\t20\na\t1\n'],
    ['two counts swapped', 'a\t3\nb\t20\nc\t1\n'],
  ])('differs for %s', (_, changed) => {
    const expected = digest('a\t1\nb\t20\nc\t3\n');

    const equal = isEqual(digest(changed), expected, 'lines');

    expect(equal).toBe(false);
  });

  test('shows whether keys are in order across files', () => {
    const input = digest('key-000002 x\nkey-000001 y\n');

    const inOrder = digest('key-000001 y\n', 'key-000002 x\n');
    const outOfOrder = digest('key-000002 x\n', 'key-000001 y\n');

    expect(isEqual(inOrder, input, 'sorted')).toBe(true);
    expect(isEqual(outOfOrder, input, 'sorted')).toBe(false);
  });

  test('compares only totals if only these must agree', () => {
    const [grep, ours] = [digest('404\n'), digest('apple\t400\nabout\t4\n')];

    expect(isEqual(ours, grep, 'total')).toBe(true);
    expect(isEqual(ours, digest('405\n'), 'total')).toBe(false);
  });

  test('reads only the parts of a folder, in order', () => {
    const parts = join(folder, 'parts');
    mkdirSync(parts);
    for (const name of ['part-r-00001.tsv', 'part-r-00000.tsv', '_SUCCESS', 'manifest.json']) {
      writeFileSync(join(parts, name), '');
    }

    const files = outputFiles(parts);

    expect(files).toEqual([join(parts, 'part-r-00000.tsv'), join(parts, 'part-r-00001.tsv')]);
  });
});
