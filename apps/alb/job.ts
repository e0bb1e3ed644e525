import { csv, defineJob } from 'serverless-mapreduce';

/** How much of a time such as 2026-11-29T10:15:02.345678Z names the interval. */
const TIME_CHARACTERS = { minute: 16, hour: 13, day: 10 } as const;
const GROUP = 'targetgroup/';
const MICROS_PER_SECOND = 1e6;

type Figures = readonly [
  requests: number,
  errors4xx: number,
  errors5xx: number,
  receivedBytes: number,
  sentBytes: number,
  // A whole number of microseconds: sums of fractions depend on the order in which they are added.
  micros: number,
  timed: number,
  slow: number,
  microsMax: number,
];

function add(a: Figures, b: Figures): Figures {
  return [
    a[0] + b[0],
    a[1] + b[1],
    a[2] + b[2],
    a[3] + b[3],
    a[4] + b[4],
    a[5] + b[5],
    a[6] + b[6],
    a[7] + b[7],
    Math.max(a[8], b[8]),
  ];
}

/** The part of an ARN that names the target group. Without a target group, the log has '-'. */
function shortName(arn: string): string {
  return arn.slice(arn.indexOf(GROUP) === -1 ? 0 : arn.indexOf(GROUP) + GROUP.length);
}

export default defineJob({
  name: 'alb',
  description: 'Requests, errors, bytes and latency of each target group of an Application Load Balancer',
  input: csv({
    delimiter: ' ',
    header: false,
    multiline: false,
    // The fields up to the last one that the job needs, null for those that it does not. The load balancer appends new
    // fields at the end.
    columns: {
      type: null,
      time: 'string',
      elb: null,
      'client:port': null,
      'target:port': null,
      request_processing_time: 'number',
      target_processing_time: 'number',
      response_processing_time: 'number',
      elb_status_code: 'string',
      target_status_code: null,
      received_bytes: 'number',
      sent_bytes: 'number',
      request: null,
      user_agent: null,
      ssl_cipher: null,
      ssl_protocol: null,
      target_group_arn: 'string',
    },
    extraColumns: 'ignore',
  }),
  onBadRecord: { skip: 100 },
  params: {
    per: {
      type: 'string',
      choices: ['minute', 'hour', 'day'],
      default: 'hour',
      description: 'the interval of each row',
    },
    slow: { type: 'number', default: 1, description: 'count the requests that took longer, in seconds' },
  },
  key: ['string', 'string'],
  value: ['number', 'number', 'number', 'number', 'number', 'number', 'number', 'number', 'number'],
  map(entry, { emit, params }) {
    const status = entry.elb_status_code;
    const times = [
      entry.request_processing_time,
      entry.target_processing_time,
      entry.response_processing_time,
    ];
    // A time is -1 if there was no connection to a target, or no answer.
    const isTimed = times.every((seconds) => seconds >= 0);
    const micros = isTimed ? Math.round(times.reduce((a, b) => a + b) * MICROS_PER_SECOND) : 0;
    emit(
      [shortName(entry.target_group_arn), entry.time.slice(0, TIME_CHARACTERS[params.per])],
      [
        1,
        Number(status.startsWith('4')),
        Number(status.startsWith('5')),
        entry.received_bytes,
        entry.sent_bytes,
        micros,
        Number(isTimed),
        Number(micros > params.slow * MICROS_PER_SECOND),
        micros,
      ],
    );
  },
  combine: add,
  reduce([group, time], values, { emit }) {
    const [requests, e4xx, e5xx, received, sent, micros, timed, slow, microsMax] =
      Iterator.from(values).reduce(add);
    emit(null, {
      target_group: group,
      time,
      requests,
      '4xx': e4xx,
      '5xx': e5xx,
      received_bytes: received,
      sent_bytes: sent,
      mean_seconds: timed === 0 ? null : (micros / timed / MICROS_PER_SECOND).toFixed(3),
      max_seconds: timed === 0 ? null : (microsMax / MICROS_PER_SECOND).toFixed(3),
      slow,
    });
  },
  output: csv([
    'target_group',
    'time',
    'requests',
    '4xx',
    '5xx',
    'received_bytes',
    'sent_bytes',
    'mean_seconds',
    'max_seconds',
    'slow',
  ]),
});
