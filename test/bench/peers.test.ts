import { expect, test, vi } from 'vitest';
import { findPeers } from '../../bench/peers.ts';

test('names the peers that need Python, and the reason once, if there is no Python for them', async () => {
  vi.stubEnv('MAPREDUCE_PYTHON', '/nowhere/python3');

  const { peers, missing } = await findPeers(['coreutils', 'duckdb', 'polars-direct']);

  expect(peers.map(({ name }) => name)).toEqual(['coreutils']);
  expect(missing).toHaveLength(1);
  expect(missing[0]).toMatch(/^duckdb, polars-direct: .*needs Python .*\/nowhere\/python3/);
});

test('a peer runs the task of a workload, or says that it has none', async () => {
  const { peers } = await findPeers(['coreutils']);
  const run = { input: 'in', output: 'out', workers: 3 };

  const grep = peers[0]!.command({ ...run, workload: 'grep' });

  expect(grep?.command.slice(1)).toEqual([
    expect.stringMatching(/bench\/peers\/coreutils\.sh$/),
    ...['grep', 'in', 'out', '3', expect.stringContaining('z[aeiou]k')],
  ]);
  expect(peers[0]!.command({ ...run, workload: 'csv' })).toBeUndefined();
});
