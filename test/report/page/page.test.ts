import { describe, expect, test } from 'vitest';
import { type AttemptId, attemptId, type JobId, jobId, type TaskId, taskId } from '../../../src/base/ids.ts';
import { html } from '../../../src/report/page/html.ts';
import { reportPage } from '../../../src/report/page/page.ts';
import type { AttemptFailure, JobReport, PartReport, StageReport } from '../../../src/report/report.ts';

const KiB = 1024;
const STAGE: StageReport = {
  stage: 'map',
  tasks: 4,
  attempts: 5,
  failedAttempts: 0,
  backupAttempts: 1,
  startMs: 500,
  wallMs: 2_000,
  recordsRead: 1_000_000,
  bytesRead: 50_000_000,
  recordsWritten: 1_234,
  bytesWritten: 9_876,
  spills: 2,
  bytesSpilled: 4_000,
  taskTimes: { medianMs: 400, p95Ms: 900, maxMs: 1_900, slowestTask: taskId('map', 3) },
};
const REPORT: JobReport = {
  formatVersion: 1,
  jobId: jobId('word-count-1'),
  jobName: 'word-count',
  params: { case: 'lower', most: 3 },
  startedAt: '2026-01-31T14:25:30.000Z',
  wallMs: 4_000,
  input: { files: 2, bytes: 50_000_000, splits: 4 },
  reducers: 2,
  stages: [STAGE, { ...STAGE, stage: 'reduce', tasks: 2, startMs: 2_500, wallMs: 1_000 }],
  parts: [{ name: 'part-r-00000.tsv', records: 77, bytes: 1_500, crc32: '0badcafe' }],
  partitionRecords: [900, 334],
  counters: { 'bad lines': 12 },
  failures: [],
};
const failure = (attempt: number, message = 'gone'): AttemptFailure => ({
  taskId: taskId('map', 1),
  attemptId: attemptId(taskId('map', 1), attempt),
  error: { name: 'WorkerDiedError', message },
});

/** Parses enough HTML to check that every opened element is closed, in order. */
function unclosed(page: string): string[] {
  const open: string[] = [];
  for (const [, close, name, empty] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*?(\/?)>/g)) {
    if (empty === '/' || ['meta', 'link', 'br'].includes(name!)) continue;
    if (close === '') open.push(name!);
    else if (open.pop() !== name) return [`</${name}>`];
  }
  return open;
}

describe('the report as a page', () => {
  test('shows the job, how long each stage took, and how much data it processed', () => {
    const page = reportPage(REPORT);

    for (const text of [
      '<title>word-count: word-count-1</title>',
      'aria-label="plan from 0 ms to 500 ms; map from 500 ms to 2.50 s; reduce from 2.50 s to 3.50 s; commit from 3.50 s to 4.00 s"',
      '<td class="n">1,000,000</td>',
      '<td class="n">400 ms</td>',
      '<td class="n">1.90 s, m-00003</td>',
      '<td class="n">2 (4.00 kB)</td>',
      '<td class="n">500 k records/s, 25.0 MB/s</td>',
      'the largest, of r-00000, has 900, 1.46 times the mean',
      '<th scope="row">bad lines</th><td class="n">12</td>',
      '<th scope="row">case</th><td>lower</td>',
      '<th scope="row">part-r-00000.tsv</th>',
      'None: the first attempt of every task succeeded.',
    ]) {
      expect(page).toContain(text);
    }
    expect(unclosed(page)).toEqual([]);
  });

  test('is self-contained: no script, no address, nothing that loads', () => {
    const page = reportPage(REPORT, { cost: { total: 'about $0.12', parts: [] } });

    expect(page).not.toMatch(/<script|<link|<img|<iframe|\bsrc=|\bhref=|url\(|https?:/);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  });

  test('is readable in light and dark, and with a screen reader', () => {
    const page = reportPage(REPORT);

    expect(page).toContain('color-scheme: light dark');
    expect(page).toContain('@media (prefers-color-scheme: dark)');
    expect(page).toContain('<html lang="en">');
    for (const [svg] of page.matchAll(/<svg[^>]*>/g)) expect(svg).toMatch(/role="img" aria-label="[^"]+"/);
    for (const [header] of page.matchAll(/<th\b[^>]*>/g)) expect(header).toMatch(/scope="(row|col)"/);
    expect(page.match(/<h1>/g)).toHaveLength(1);
  });

  test('shows the cost if it is known, with the source of the prices', () => {
    const total = 'about $0.12  (an estimate, at prices of us-east-1 of 2026-11-22)';

    const page = reportPage(REPORT, { cost: { total, parts: ['functions $0.10', 'S3 $0.02'] } });

    expect(page).toContain('<b>about $0.12</b> cost');
    expect(page).toContain(`<p>${total}</p>`);
    expect(page).toContain('S3 $0.02');
    expect(reportPage(REPORT)).not.toContain('Cost');
  });

  test('of a map-only job without counters or parts has no empty sections and no NaN', () => {
    const page = reportPage({
      ...REPORT,
      stages: [{ ...STAGE, wallMs: 0 }],
      wallMs: 0,
      reducers: 0,
      parts: [],
      partitionRecords: [],
      counters: {},
      params: {},
    });

    expect(page).not.toMatch(/NaN|Infinity|undefined|Skew/);
    expect(page).toContain('none: a map-only job');
    expect(unclosed(page)).toEqual([]);
  });

  test('of empty partitions only does not divide by zero', () => {
    expect(reportPage({ ...REPORT, partitionRecords: [0, 0, 0] })).not.toMatch(/NaN|Infinity/);
  });

  test('of a manifest without the starts of its stages shows them one after the other', () => {
    const stages = REPORT.stages.map(({ startMs: _, ...stage }) => stage);

    expect(reportPage({ ...REPORT, stages })).toContain(
      'plan from 0 ms to 1.00 s; map from 1.00 s to 3.00 s; reduce from 3.00 s to 4.00 s; commit from 4.00 s to 4.00 s',
    );
  });
});

describe('attempts that failed', () => {
  test("show their error, function, file, offset, key and the user's stack", () => {
    const details = {
      phase: 'map' as const,
      file: 'data/a.txt',
      offsetBytes: 1_234_567,
      groupKey: 'the',
      userStack: 'TypeError: no\n    at map (/job.ts:1:2)',
    };
    const error = { name: 'UserCodeError', message: 'map() threw TypeError: no', stack: 'engine', details };

    const page = reportPage({
      ...REPORT,
      failures: [{ ...failure(1), error }],
    });

    for (const text of [
      'UserCodeError',
      'data/a.txt',
      'byte 1,234,567',
      'the</td>',
      'at map (/job.ts:1:2)',
    ]) {
      expect(page).toContain(text);
    }
    expect(page).not.toContain('engine');
  });

  test('are listed latest first, and the ones not shown are counted', () => {
    const failures = Array.from({ length: 100 }, (_, attempt) => failure(attempt));
    const stages = [{ ...STAGE, failedAttempts: 250 }];

    const page = reportPage({ ...REPORT, stages, failures });

    expect(page.indexOf('m-00001.99<')).toBeLessThan(page.indexOf('m-00001.98<'));
    expect(page).toContain('250 attempts failed');
    expect(page).toContain('220 more are not shown');
  });
});

describe('what comes from users', () => {
  const EVIL = `</title></pre><script>alert(1)</script><img src=x onerror="alert('2')">\u0000\u202e&amp;`;
  const everywhere: JobReport = {
    ...REPORT,
    jobId: EVIL as JobId,
    jobName: EVIL,
    startedAt: EVIL,
    params: { [EVIL]: EVIL },
    counters: { [EVIL]: 1 },
    parts: [{ name: EVIL, records: 1, bytes: 1, crc32: EVIL }],
    failures: [
      {
        taskId: EVIL as TaskId,
        attemptId: EVIL as AttemptId,
        error: {
          name: EVIL,
          message: `${EVIL}\n${EVIL}`,
          details: { file: EVIL, groupKey: EVIL, userStack: EVIL, offsetBytes: 1, phase: 'map' },
        },
      },
    ],
  };

  test('is text everywhere: it creates no element, attribute or script', () => {
    const page = reportPage(everywhere, { cost: { total: EVIL, parts: [EVIL] } });

    expect(page).not.toMatch(/<script|<img|<\/title><|onerror="/);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).toContain('&amp;amp;');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression matches them on purpose.
    expect(page).not.toMatch(/[\u0000\u202e]/);
    expect(unclosed(page)).toEqual([]);
  });

  test('is escaped by every template, in lists and attributes too', () => {
    expect(html`<a title="${'"\'<'}">${['<', html`<b>${'&'}</b>`, 3]}</a>`.text).toBe(
      '<a title="&quot;&#39;&lt;">&lt;<b>&amp;</b>3</a>',
    );
    expect(html`${'\ud800 half of a pair'}`.text).toBe('\ufffd half of a pair');
  });
});

describe('the size', () => {
  const parts = Array.from(
    { length: 10_000 },
    (_, index): PartReport => ({
      name: `part-r-${index}.tsv`,
      records: index,
      bytes: index,
      crc32: 'ffffffff',
    }),
  );
  const large: JobReport = {
    ...REPORT,
    stages: REPORT.stages.map((stage) => ({ ...stage, tasks: 10_000 })),
    reducers: 10_000,
    parts,
    partitionRecords: parts.map(({ records }) => records),
  };

  test('is the same for 10,000 map and 10,000 reduce tasks as for a small job', () => {
    const page = reportPage(large);

    expect(page.length).toBeLessThan(32 * KiB);
    expect(page).toContain('and 9,980 more, in manifest.json');
    expect(page).toContain('Each bar is the largest of 100 partitions');
  });

  test('is bounded, however many counters, notices and failures there are', () => {
    const long = 'x&'.repeat(50_000);
    const counters = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, index) => [`${index}-${long.slice(0, 1_000)}`, index]),
    );
    const error = {
      name: 'UserCodeError',
      message: `${long}\n${long}`,
      details: { userStack: long, file: long },
    };
    const failures = Array.from({ length: 1_000 }, (_, attempt) => ({ ...failure(attempt), error }));

    const page = reportPage({ ...large, jobName: long, params: { long }, counters, failures });

    expect(page.length).toBeLessThan(1024 * KiB);
    expect(unclosed(page)).toEqual([]);
  });
});
