/** What both the model and the simulation say about a job. */
import { model } from '../model/point.ts';
import { NOW } from '../model/settings.ts';
import type { Workload } from '../model/workloads.ts';

export interface Figures {
  readonly tasks: string;
  readonly reads: number;
  readonly writes: number;
  readonly peakPerSecond: number;
  /** Answers with 503. The model has none. */
  readonly throttled: number;
  readonly failedAttempts: number;
  readonly seconds: number;
  readonly gbSeconds: number;
  readonly transitions: number;
  readonly dollars: number;
}

export interface SimulatedPoint {
  readonly workload: Workload;
  readonly inputBytes: number;
}

export function modelled({ workload, inputBytes }: SimulatedPoint): Figures {
  const { evaluation, cost } = model({ workload, settings: NOW, inputBytes });
  const { stages } = evaluation;
  return {
    tasks: stages.map(({ tasks }) => tasks).join(' x '),
    reads: evaluation.reads + evaluation.readsByTime,
    writes: evaluation.writes + evaluation.writesByTime,
    peakPerSecond: Math.max(...stages.map(({ peakReadsPerSecond }) => peakReadsPerSecond)),
    throttled: 0,
    failedAttempts: 0,
    seconds: evaluation.seconds,
    gbSeconds: evaluation.gbSeconds,
    transitions: evaluation.transitions,
    dollars: cost.total,
  };
}
