import { csv, defineJob, sumOf } from 'serverless-mapreduce';

/** The columns that `by` names. */
const COLUMNS = { edge: 'x-edge-location', path: 'cs-uri-stem', result: 'x-edge-result-type' } as const;
/** What CloudFront served from its caches, and what it fetched from the origin. Other results are neither. */
const HITS = new Set(['Hit', 'RefreshHit', 'OriginShieldHit']);
const MISSES = new Set(['Miss']);
const ERRORS = new Set(['Error', 'LimitExceeded', 'CapacityExceeded']);

export default defineJob({
  name: 'cloudfront',
  description: 'Requests, bytes and cache hits of each edge location or path, from the logs of CloudFront',
  input: csv({
    // A line "#Fields: date time ..." in each file names its columns.
    header: 'w3c',
    delimiter: '\t',
    quote: false,
    columns: {
      'x-edge-location': 'string',
      'cs-uri-stem': 'string',
      'sc-bytes': 'number',
      'x-edge-result-type': 'string',
    },
  }),
  onBadRecord: { skip: 100 },
  params: {
    by: {
      type: 'string',
      choices: ['edge', 'path', 'result'],
      default: 'edge',
      description: 'one row for each edge location, path or result type',
    },
  },
  key: 'string',
  // Requests, bytes, hits, misses, errors.
  value: ['number', 'number', 'number', 'number', 'number'],
  map(request, { emit, params }) {
    const result = request['x-edge-result-type'];
    emit(request[COLUMNS[params.by]], [
      1,
      request['sc-bytes'],
      Number(HITS.has(result)),
      Number(MISSES.has(result)),
      Number(ERRORS.has(result)),
    ]);
  },
  combine: 'sum',
  reduce(group, values, { emit }) {
    const [requests, bytes, hits, misses, errors] = sumOf(values);
    const lookups = hits + misses;
    const hit_ratio = lookups === 0 ? null : (hits / lookups).toFixed(3);
    emit(null, { group, requests, bytes, hits, misses, errors, hit_ratio });
  },
  output: csv(['group', 'requests', 'bytes', 'hits', 'misses', 'errors', 'hit_ratio']),
});
