import { csv, defineJob, sumOf } from 'serverless-mapreduce';

/** The port of rows that do not name one. */
const NONE = -1;

export default defineJob({
  name: 'vpc-flow',
  description: 'Flows, packets and bytes between addresses, from VPC flow logs',
  input: csv({
    delimiter: ' ',
    quote: false,
    nullText: '-',
    // Found by their names in the first line of each file, in whatever order the flow log has them.
    columns: {
      srcaddr: 'string?',
      dstaddr: 'string?',
      srcport: 'number?',
      dstport: 'number?',
      packets: 'number?',
      bytes: 'number?',
      action: 'string?',
      'log-status': 'string',
    },
  }),
  onBadRecord: { skip: 100 },
  params: {
    by: {
      type: 'string',
      choices: ['conversation', 'source', 'destination', 'port'],
      default: 'conversation',
      description: 'add up the flows of each source, destination and port, or of one of these',
    },
    action: {
      type: 'string',
      choices: ['any', 'ACCEPT', 'REJECT'],
      default: 'any',
      description: 'only flows that were accepted, or only those that were rejected',
    },
  },
  key: ['string', 'string', 'number'],
  value: ['number', 'number', 'number'],
  map(flow, { emit, count, params: { by, action } }) {
    const { srcaddr, dstaddr, srcport, dstport, packets, bytes } = flow;
    if (srcaddr === null || dstaddr === null || packets === null || bytes === null) {
      // NODATA: nothing was sent in this interval. SKIPDATA: AWS could not record all of it.
      count(`records with ${flow['log-status']}`);
      return;
    }
    if (action !== 'any' && flow.action !== action) return;
    // The lower of both ports is usually that of the service. So requests and answers have the same port.
    const port = srcport === null || dstport === null ? NONE : Math.min(srcport, dstport);
    emit(
      [
        by === 'conversation' || by === 'source' ? srcaddr : '',
        by === 'conversation' || by === 'destination' ? dstaddr : '',
        by === 'conversation' || by === 'port' ? port : NONE,
      ],
      [1, packets, bytes],
    );
  },
  combine: 'sum',
  reduce([source, destination, port], values, { emit }) {
    const [flows, packets, bytes] = sumOf(values);
    emit(null, [source || null, destination || null, port === NONE ? null : port, flows, packets, bytes]);
  },
  output: csv(['source', 'destination', 'port', 'flows', 'packets', 'bytes']),
});
