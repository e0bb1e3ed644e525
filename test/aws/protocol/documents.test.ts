import { expect, test } from 'vitest';
import { readDocument } from '../../../src/aws/protocol/documents.ts';
import { errorText } from '../../../src/cli/display/error-text.ts';
import { plainPaint } from '../../../src/cli/display/paint.ts';
import { MemoryStore } from '../../../src/storage/memory/memory-store.ts';

test.each(['{"app":', '', 'null', '7'])('a document that is %j is no defect of mapreduce', async (text) => {
  const store = new MemoryStore();
  await store.put('jobs/daily/plan/plan.json', Buffer.from(text));

  const error = await readDocument(store, 'jobs/daily/plan/plan.json').catch((thrown: unknown) => thrown);

  const shown = errorText(error, {
    paint: plainPaint,
    packageRoot: new URL('file:///package/'),
    job: './job.ts',
  });
  expect(shown).toMatch(/plan\.json no longer holds the JSON .*Submit the job again/);
  expect(shown).not.toMatch(/defect|\n\s+at /);
});
