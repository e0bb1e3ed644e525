import { defineJob, textLines, tsv } from 'serverless-mapreduce';

// 203.0.113.9 - - [10/Oct/2026:13:55:36 +0000] "GET /about.html?from=home HTTP/1.1" 200 2326 "-" "Mozilla/5.0"
//                                                   path                            status  bytes
const HIT = /^[^"]*"\S+ ([^ ?]+)(?:\?\S*)? \S+" ([1-5])\d\d (\d{1,15}|-)(?!\S)/;

export default defineJob({
  name: 'access-log',
  description: "Hits, bytes and status classes of each path in a web server's log",
  input: textLines(),
  key: 'string',
  // Six columns, each summed separately: hits, bytes, and the hits with a 2xx, 3xx, 4xx and 5xx status.
  value: ['number', 'number', 'number', 'number', 'number', 'number'],
  map(line, { emit, count }) {
    const hit = HIT.exec(line);
    if (hit === null) {
      count('bad lines');
      return;
    }
    const [, path = '', status, bytes] = hit;
    const answered = (first: string) => Number(status === first);
    emit(path, [
      1,
      bytes === '-' ? 0 : Number(bytes),
      answered('2'),
      answered('3'),
      answered('4'),
      answered('5'),
    ]);
  },
  reduce: 'sum',
  output: tsv(),
});
