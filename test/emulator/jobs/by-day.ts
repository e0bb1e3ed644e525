/** Several outputs: requests in a folder for each day, in compressed CSV of a target size, and other lines as JSON. */
import { csv, defineJob, gzip, inFiles, inFolders, jsonLines, textLines } from 'serverless-mapreduce';

export default defineJob({
  name: 'by-day',
  description: 'Requests by day and path, and lines that are none',
  input: textLines(),
  key: ['string', 'string'],
  value: 'number',
  map(line, { emit }) {
    const [day, path] = line.split(' ');
    emit(day === undefined || path === undefined ? ['', line] : [day, path], 1);
  },
  combine: 'sum',
  reduce([day, path], counts, { emit }) {
    let requests = 0;
    for (const count of counts) requests += count;
    if (day === '') emit.others(null, { line: path, times: requests });
    else emit.days(day, { path, requests });
  },
  output: {
    days: inFolders(
      (day: string) => ({ day }),
      inFiles({ targetBytes: 1_000 }, gzip(csv(['path', 'requests']))),
    ),
    others: jsonLines<{ line: string; times: number }>(),
  },
});
