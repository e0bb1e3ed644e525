/**
 * What other systems need for the same work. MEASURED are figures that their authors published. The others are computed
 * from list prices, because nobody published this work on them. Nothing here was run by this project.
 */
import { cpusOf } from '../../src/aws/model/facts.ts';
import { markdownTable } from './markdown.ts';
import { model } from './point.ts';
import { count, dollars } from './report.ts';
import { DEPLOYMENT, NOW } from './settings.ts';
import { QUERY_2, QUERY_2_BYTES, SORT, type Workload } from './workloads.ts';

interface Compared {
  readonly system: string;
  readonly work: string;
  readonly seconds: string;
  readonly dollars: string;
  readonly how: string;
}

/** In dollars, us-east-1. Sources, read 2026-11-30 from public copies, are in docs/cost.md. */
export const OTHER_PRICES = {
  /** Of 4 vCPUs and 16 GB. Billed by the second, at least a minute. */
  glueDpuHour: 0.44,
  athenaTb: 5,
  /** x86. Billed by the second, at least a minute for each worker. */
  emrServerlessVcpuHour: 0.052_624,
  emrServerlessGbHour: 0.005_778_5,
} as const;

const DPU_VCPUS = 4;
/** As a DPU of Glue has. */
const GB_OF_VCPU = 4;
const TB = 2 ** 40;

const AGGREGATION = 'aggregation, 126.8 GB';
const JOIN = 'join, 133.2 GB';

const MEASURED: readonly Compared[] = [
  {
    system: 'lambda-refarch-mapreduce',
    work: AGGREGATION,
    seconds: '200',
    dollars: '$0.113',
    how: 'measured by its authors in 2016 [1]',
  },
  {
    system: 'Corral',
    work: AGGREGATION,
    seconds: '169',
    dollars: '',
    how: 'measured by its author in 2018 [2]',
  },
  { system: 'Corral', work: JOIN, seconds: '885', dollars: '', how: 'measured by its author in 2018 [2]' },
];

const CLOUD_SORT: Compared = {
  system: 'Exoshuffle (Ray, 40 EC2 instances)',
  work: 'sort, 100 TB',
  seconds: '5,378',
  dollars: '$97',
  how: 'measured by its authors in 2022: $0.97 a terabyte [3]',
};

export function describeComparison(): string {
  const rows = [
    ours(AGGREGATION, QUERY_2, QUERY_2_BYTES),
    ...MEASURED,
    {
      system: 'Athena',
      work: AGGREGATION,
      seconds: '',
      dollars: dollars((QUERY_2_BYTES / TB) * OTHER_PRICES.athenaTb),
      how: `computed: $${OTHER_PRICES.athenaTb} for each 2^40 bytes of text that it scans [4]`,
    },
    ...spark(AGGREGATION, QUERY_2, QUERY_2_BYTES),
    ours('sort, 1 TB', SORT, 1e12),
    ...spark('sort, 1 TB', SORT, 1e12),
    ours('sort, 10 TB', SORT, 1e13),
    CLOUD_SORT,
  ];
  return markdownTable(
    ['system', 'work', 'seconds', 'dollars', 'how it is known'],
    rows.map(({ system, work, seconds, dollars: price, how }) => [system, work, seconds, price, how]),
  );
}

function ours(work: string, workload: Workload, inputBytes: number): Compared {
  const { evaluation, cost } = model({ workload, settings: NOW, inputBytes });
  return {
    system: '**this project**',
    work,
    seconds: count(evaluation.seconds),
    dollars: dollars(cost.total),
    how: 'the model',
  };
}

/** Spark on as many vCPU seconds as the model gives our functions, waiting included, with the memory of a DPU. */
function spark(work: string, workload: Workload, inputBytes: number): Compared[] {
  const { evaluation } = model({ workload, settings: NOW, inputBytes });
  const gbOfFunction = DEPLOYMENT.taskMemoryMb / 1_024;
  const vcpuHours = (evaluation.gbSeconds / gbOfFunction / 3_600) * cpusOf(DEPLOYMENT.taskMemoryMb);
  const { glueDpuHour, emrServerlessVcpuHour, emrServerlessGbHour } = OTHER_PRICES;
  const how = `computed: ${vcpuHours.toFixed(1)} vCPU hours, as many as our functions have`;
  return [
    {
      system: 'Glue',
      work,
      seconds: '',
      dollars: dollars((vcpuHours / DPU_VCPUS) * glueDpuHour),
      how: `${how} [5]`,
    },
    {
      system: 'EMR Serverless',
      work,
      seconds: '',
      dollars: dollars(vcpuHours * (emrServerlessVcpuHour + GB_OF_VCPU * emrServerlessGbHour)),
      how: `${how} [6]`,
    },
  ];
}
