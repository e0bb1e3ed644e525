import { defineJob, json, jsonDocuments, jsonLines, sumOf } from 'serverless-mapreduce';
import * as v from 'valibot';

const optional = v.nullish(v.string(), null);

/** The fields that the job reads. It is strict about those that each event has, and ignores all others. */
const event = v.object({
  eventTime: v.string(),
  eventSource: v.string(),
  eventName: v.string(),
  errorCode: optional,
  awsRegion: optional,
  sourceIPAddress: optional,
  recipientAccountId: optional,
  userIdentity: v.nullish(
    v.object({
      type: optional,
      arn: optional,
      invokedBy: optional,
      sessionContext: v.nullish(v.object({ sessionIssuer: v.nullish(v.object({ arn: optional })) })),
    }),
  ),
});

type Event = v.InferOutput<typeof event>;

/** Who made the call. All sessions of a role count as the role. */
function principalOf({ userIdentity }: Event): string | null {
  const role = userIdentity?.sessionContext?.sessionIssuer?.arn;
  return role ?? userIdentity?.arn ?? userIdentity?.invokedBy ?? userIdentity?.type ?? null;
}

/** What `by` may name. */
const GROUPS = new Map<string, (event: Event) => string | null>([
  ['eventSource', (event) => event.eventSource],
  ['eventName', (event) => event.eventName],
  ['errorCode', (event) => event.errorCode],
  ['principal', principalOf],
  ['awsRegion', (event) => event.awsRegion],
  ['sourceIPAddress', (event) => event.sourceIPAddress],
  ['recipientAccountId', (event) => event.recipientAccountId],
  ['day', (event) => event.eventTime.slice(0, '2026-11-29'.length)],
  ['hour', (event) => event.eventTime.slice(0, '2026-11-29T10'.length)],
]);

export default defineJob({
  name: 'cloudtrail',
  description: 'API calls and errors in the logs of AWS CloudTrail, by service, action, error or principal',
  input: jsonDocuments({ path: 'Records', schema: event }),
  onBadRecord: { skip: 100 },
  params: {
    by: {
      type: 'string',
      default: 'eventSource,eventName,errorCode',
      description: `what to group by, separated by commas: ${[...GROUPS.keys()].join(', ')}`,
    },
    'errors-only': { type: 'boolean', default: false, description: 'count only calls that failed' },
  },
  setup({ by }) {
    return by.split(',').map((name) => {
      const read = GROUPS.get(name);
      if (read !== undefined) return { name, read };
      throw new RangeError(`by is a list of ${[...GROUPS.keys()].join(', ')}; received ${name}`);
    });
  },
  // One text for each name in `by`.
  key: json<readonly (string | null)[]>(),
  value: ['number', 'number'],
  map(event, { emit, params, state }) {
    const errors = event.errorCode === null ? 0 : 1;
    if (errors === 0 && params['errors-only']) return;
    emit(
      state.map(({ read }) => read(event)),
      [1, errors],
    );
  },
  combine: 'sum',
  reduce(group, values, { emit, state }) {
    const [calls, errors] = sumOf(values);
    emit(null, { ...Object.fromEntries(state.map(({ name }, i) => [name, group[i]])), calls, errors });
  },
  output: jsonLines(),
});
