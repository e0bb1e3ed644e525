/** Checks the values of `--set` against the job's parameters, and fills in defaults. */
import { MapReduceError } from '../base/errors.ts';
import { nearestName } from '../base/nearest-name.ts';
import type { ParameterSpec, ParameterSpecs, ParameterValue, ParameterValues } from './job.ts';

/** A job, or the description of one. */
interface Parametrised {
  readonly name: string;
  readonly params: ParameterSpecs;
}

/** @throws UsageError that names the parameter, the value and what is allowed */
export function resolveParameters(
  job: Parametrised,
  given: Readonly<Record<string, ParameterValue>>,
): ParameterValues {
  // Entries, since an assignment to a parameter named __proto__ would set the prototype.
  const values: [string, ParameterValue][] = [];
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(job.params, name)) throw unknown(job, name);
  }
  for (const [name, spec] of Object.entries(job.params)) {
    const value = (Object.hasOwn(given, name) ? given[name] : undefined) ?? spec.default;
    if (value === undefined) {
      throw usage(job, name, `is required. Add --set ${name}=<${spec.type}>   (${spec.description})`);
    }
    values.push([name, parse(job, name, spec, value)]);
  }
  return Object.fromEntries(values);
}

function parse(job: Parametrised, name: string, spec: ParameterSpec, value: ParameterValue): ParameterValue {
  switch (spec.type) {
    case 'string': {
      const text = String(value);
      if (spec.choices !== undefined && !spec.choices.includes(text)) {
        throw usage(job, name, `must be one of ${spec.choices.join(', ')}; received '${text}'`);
      }
      return text;
    }
    case 'number': {
      const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
      if (Number.isNaN(number)) throw usage(job, name, `must be a number; received '${value}'`);
      // The plan is JSON, which has no infinities: tasks would receive null.
      if (!Number.isFinite(number)) throw usage(job, name, `must be a finite number; received '${value}'`);
      // JSON.stringify writes -0 as 0, so -0 becomes 0 here, the same for every task.
      return number + 0;
    }
    case 'boolean': {
      if (value === true || value === 'true') return true;
      if (value === false || value === 'false') return false;
      throw usage(job, name, `must be true or false; received '${value}'`);
    }
  }
}

function unknown(job: Parametrised, name: string): MapReduceError {
  const names = Object.keys(job.params);
  const nearest = nearestName(name, names);
  const hint =
    names.length === 0
      ? 'It has no parameters'
      : nearest === undefined
        ? `Its parameters are ${names.join(', ')}`
        : `Did you mean '${nearest}'? Its parameters are ${names.join(', ')}`;
  return new MapReduceError('UsageError', `job '${job.name}' has no parameter '${name}'. ${hint}`, {
    details: { jobName: job.name },
  });
}

function usage(job: Parametrised, name: string, rule: string): MapReduceError {
  return new MapReduceError('UsageError', `job '${job.name}': parameter '${name}' ${rule}`, {
    details: { jobName: job.name },
  });
}
