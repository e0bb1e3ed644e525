import { describe, expect, it } from 'vitest';
import { taskId } from '../../src/base/ids.ts';
import {
  AWS_BOUNDS,
  advance,
  type Decision,
  type Fact,
  type JobProgress,
  LOCAL_BOUNDS,
  NOT_STARTED,
  type StageList,
} from '../../src/stages/advance.ts';

const STAGES: StageList = [
  { stage: 'map', tasks: 3 },
  { stage: 'reduce', tasks: 2 },
];
const M0 = taskId('map', 0);
const R1 = taskId('reduce', 1);

/** Decisions in short: `run map`, `run map 0,2`, `close map -m-00000`, `finish`. */
function inShort(decision: Decision): string {
  switch (decision.kind) {
    case 'run':
      return ['run', decision.stage, ...(decision.tasks === 'all' ? [] : [decision.tasks.join()])].join(' ');
    case 'close':
      return ['close', decision.stage, ...decision.discard.map((target) => `-${target}`)].join(' ');
    case 'fail':
      return `fail: ${decision.reason.kind}`;
    default:
      return decision.kind;
  }
}

function decisionsAfter(facts: readonly Fact[], stages = STAGES, bounds = LOCAL_BOUNDS): string[] {
  let progress: JobProgress = NOT_STARTED;
  return facts.map((fact) => {
    const step = advance(stages, progress, fact, bounds);
    progress = step.progress;
    return inShort(step.decision);
  });
}

const planned: Fact = { kind: 'planned', isRedrive: false };
const redriven: Fact = { kind: 'planned', isRedrive: true };
const mapClosed: Fact = { kind: 'closed', stage: 'map' };
const reduceClosed: Fact = { kind: 'closed', stage: 'reduce' };
const finished: Fact = { kind: 'finished' };
const missing = (stage: 'map' | 'reduce', ...indexes: number[]): Fact => ({
  kind: 'incomplete',
  stage,
  missing: indexes,
  damaged: [],
});

describe('a job', () => {
  it('runs each stage, closes its barrier, and finishes', () => {
    expect(decisionsAfter([planned, mapClosed, reduceClosed, finished])).toEqual([
      'run map',
      'run reduce',
      'finish',
      'done',
    ]);
  });

  it('without reduce finishes after map', () => {
    const stages = STAGES.slice(0, 1);

    expect(decisionsAfter([planned, mapClosed, finished], stages)).toEqual(['run map', 'finish', 'done']);
  });

  it('without input closes the barrier of a stage that has no tasks', () => {
    const stages = [{ stage: 'map', tasks: 0 }, STAGES[1]!] as const;

    expect(decisionsAfter([planned, mapClosed], stages)).toEqual(['close map', 'run reduce']);
  });

  it('that is redriven closes each barrier before it runs tasks, and runs only the missing ones', () => {
    const facts = [redriven, missing('map', 1), mapClosed, missing('reduce', 0), reduceClosed];

    expect(decisionsAfter(facts)).toEqual([
      'close map',
      'run map 1',
      'close reduce',
      'run reduce 0',
      'finish',
    ]);
  });

  it('reruns tasks that are missing at the barrier, and fails after the last round', () => {
    const facts = [planned, ...Array.from({ length: 4 }, () => missing('map', 0, 2))];

    expect(decisionsAfter(facts, STAGES, AWS_BOUNDS)).toEqual([
      'run map',
      'run map 0,2',
      'run map 0,2',
      'run map 0,2',
      'fail: tasks missing',
    ]);
  });

  it('fails with the error of a task that must not be retried', () => {
    expect(decisionsAfter([planned, { kind: 'failed', error: 'no space left' }])).toEqual([
      'run map',
      'fail: error',
    ]);
  });
});

describe('a damaged object', () => {
  const reduceComplains: Fact = { kind: 'incomplete', stage: 'reduce', missing: [0, 1], damaged: [M0] };

  it('is discarded at the barrier and recreated; then only missing tasks run', () => {
    const facts = [planned, mapClosed, reduceComplains, missing('map', 0), mapClosed];

    expect(decisionsAfter([...facts, missing('reduce', 0, 1), reduceClosed])).toEqual([
      'run map',
      'run reduce',
      'close map -m-00000',
      'run map 0',
      'close reduce',
      'run reduce 0,1',
      'finish',
    ]);
  });

  it('is not discarded again because of reports from before it was recreated', () => {
    const facts = [planned, mapClosed, reduceComplains, missing('map', 0), mapClosed];

    expect(decisionsAfter([...facts, reduceComplains]).at(-1)).toBe('run reduce 0,1');
  });

  it('is recreated while the stage runs if the host reports it at once', () => {
    const damaged: Fact = { kind: 'damaged', targets: [M0] };

    expect(decisionsAfter([planned, mapClosed, damaged, missing('map', 0), mapClosed, reduceClosed])).toEqual(
      ['run map', 'run reduce', 'close map -m-00000', 'run map 0', 'close reduce', 'finish'],
    );
  });

  it('that is the index makes its barrier close again, and no task runs', () => {
    const damaged: Fact = { kind: 'damaged', targets: ['shuffle-index'] };

    expect(decisionsAfter([planned, mapClosed, damaged, mapClosed])).toEqual([
      'run map',
      'run reduce',
      'close map -shuffle-index',
      'close reduce',
    ]);
  });

  it('that is a part is recreated by its task when the result is assembled', () => {
    const damaged: Fact = { kind: 'damaged', targets: [R1] };

    expect(
      decisionsAfter([planned, mapClosed, reduceClosed, damaged, missing('reduce', 1), reduceClosed]),
    ).toEqual(['run map', 'run reduce', 'finish', 'close reduce -r-00001', 'run reduce 1', 'finish']);
  });

  it('is repaired together with others, starting from their earliest stage', () => {
    const damaged: Fact = { kind: 'damaged', targets: [R1, M0] };

    expect(decisionsAfter([planned, mapClosed, reduceClosed, damaged]).at(-1)).toBe(
      'close map -r-00001 -m-00000',
    );
  });

  it('is recreated only as often as the bound allows', () => {
    const again: Fact[] = [{ kind: 'damaged', targets: [M0] }, missing('map', 0), mapClosed];
    const facts = [planned, mapClosed, ...again, ...again, ...again, again[0]!];

    expect(decisionsAfter(facts).at(-1)).toBe('fail: object damaged');
    expect(decisionsAfter(facts.slice(0, -1)).at(-1)).toBe('close reduce');
  });
});
