import { expect, test } from 'vitest';
import { csv, tsv } from '../../../src/index.ts';
import { readSource } from '../read-source.ts';

test('the remedy for a wrong number of columns speaks of quotes only if the file may have them', async () => {
  const bytes = Buffer.from('a,b\n1\n');

  await expect(readSource(csv(), bytes)).rejects.toThrow('a delimiter inside a field needs quotes');
  await expect(readSource(csv({ quote: false }), bytes)).rejects.toThrow('no field may hold the delimiter');
  await expect(readSource(tsv('string', 'string'), bytes)).rejects.toThrow('no field may hold the delimiter');
});
