/** How a report shows the input: one line, and one for each named input. */
import { formatBytes, formatCountOf } from '../base/quantities.ts';
import type { JobReport, NamedInputReport } from './report.ts';

export function inputFacts({ inputs = [], ...all }: JobReport['input']): [name: string, text: string][] {
  return [
    ['input', sizes(all)],
    ...inputs.map((input): [string, string] => [`input ${input.name}`, sizes(input)]),
  ];
}

function sizes({ files, bytes, splits }: Omit<NamedInputReport, 'name'>): string {
  return `${formatCountOf(files, 'file')}, ${formatBytes(bytes)}, ${formatCountOf(splits, 'split')}`;
}
