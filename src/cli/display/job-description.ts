/** Formats what a job does and its parameters. */
import type { ParameterSpec } from '../../api/job.ts';
import type {
  InputDescription,
  JobDescription,
  ShuffleDescription,
  SinkDescription,
} from '../../api/job-description.ts';
import { commandLine } from './command-line.ts';
import { type Paint, printable, printableName } from './paint.ts';
import { tableLines } from './table.ts';

export function listedLines(name: string, { description, params }: JobDescription, paint: Paint): string[] {
  return [
    paint('bold', name),
    `  ${printable(description)}`,
    ...parameterLines(params).map((line) => `  ${line}`),
  ];
}

export function describedLines(name: string, job: JobDescription, paint: Paint): string[] {
  const { description, inputs, badRecordsSkipped, params, output, shuffle } = job;
  const formats = inputs.map((input) => [
    input.name === undefined ? 'input' : `input ${input.name}`,
    input.format,
  ]);
  const facts =
    shuffle === undefined
      ? [['kind', 'map only: what map emits is the result, in the order of the input']]
      : [
          ['map emits', `${shuffle.key} -> ${shuffle.value}`],
          ['combine', shuffle.combine ?? 'none'],
          ['partition', partitionText(shuffle.partition)],
          ['reduce', shuffle.reduce],
          ...(shuffle.reducers === undefined ? [] : [['reducers', String(shuffle.reducers)]]),
        ];
  const parameters = parameterLines(params);
  const required = Object.entries(params).filter(([, spec]) => spec.default === undefined);
  const set = required.map(([parameter, spec]) => ` --set ${parameter}=<${spec.type}>`).join('');
  return [
    `${paint('bold', job.name)}  ${printable(description)}`,
    '',
    ...tableLines(
      [
        ...formats.map((row) => row.map(printableName)),
        ...(badRecordsSkipped === undefined
          ? []
          : [['bad records', `up to ${badRecordsSkipped} are skipped`]]),
        ...facts,
        ...output.sinks.flatMap((sink) => outputRows(sink, shuffle === undefined ? 'm' : 'r')),
      ],
      ['left', 'left'],
    ).map((line) => `  ${line}`),
    ...(parameters.length === 0 ? [] : ['', ...parameters.map((line) => `  ${line}`)]),
    '',
    `  ${commandLine(`run ${name}${inputs.map(inputFlag).join('')} --output <folder>${set}`)}`,
  ];
}

function outputRows({ name, format, extension, inFolders }: SinkDescription, stage: 'm' | 'r'): string[][] {
  const folder = `${name === undefined ? '' : `${name}/`}${inFolders ? '**/' : ''}`;
  const suffix = name === undefined ? '' : ` ${name}`;
  return [
    [`output${suffix}`, format],
    [`result${suffix}`, `${folder}part-${stage}-*.${extension}`],
  ].map((row) => row.map(printableName));
}

function inputFlag({ name, isGenerated }: InputDescription): string {
  if (isGenerated) return '';
  return ` --input ${name === undefined ? '' : `${printableName(name)}=`}<path>`;
}

function parameterLines(params: JobDescription['params']): string[] {
  return tableLines(
    Object.entries(params).map(([name, spec]) => [
      `--set ${name}=${formOf(spec)}`,
      `${printable(spec.description)} (${spec.default === undefined ? 'required' : `default: ${spec.default === '' ? "''" : printableName(String(spec.default))}`})`,
    ]),
    ['left', 'left'],
  );
}

function formOf(spec: ParameterSpec): string {
  if (spec.type === 'boolean') return 'true|false';
  return spec.type === 'string' && spec.choices !== undefined
    ? spec.choices.map(printableName).join('|')
    : `<${spec.type}>`;
}

function partitionText(partition: ShuffleDescription['partition']): string {
  if (partition === 'hash') return 'by a hash of the key';
  return partition === 'custom' ? 'a function of the job' : 'by ranges of keys, from a sample of the input';
}
