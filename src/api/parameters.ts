/** Checks what `--set` gave against the job's parameters, and fills in defaults. */
import { MapReduceError } from '../base/errors.ts';
import { nearestName } from '../base/nearest-name.ts';
import type { ParameterSpec, ParameterSpecs, ParameterValue, ParameterValues } from './job.ts';

/** A job, or its description. */
interface Parametrised {
  readonly name: string;
  readonly params: ParameterSpecs;
}

/** @throws UsageError naming the parameter, the value and what is allowed. */
export function resolveParameters(
  job: Parametrised,
  given: Readonly<Record<string, ParameterValue>>,
): ParameterValues {
  // As entries: an assignment would take a parameter named __proto__ for the prototype.
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
        throw usage(job, name, `is one of ${spec.choices.join(', ')}; received '${text}'`);
      }
      return text;
    }
    case 'number': {
      const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
      if (Number.isNaN(number)) throw usage(job, name, `is a number; received '${value}'`);
      // The plan is JSON, which has no infinities: they would become null on their way to the tasks.
      if (!Number.isFinite(number)) throw usage(job, name, `is a finite number; received '${value}'`);
      // Nor would -0 come through: 0 everywhere.
      return number + 0;
    }
    case 'boolean': {
      if (value === true || value === 'true') return true;
      if (value === false || value === 'false') return false;
      throw usage(job, name, `is true or false; received '${value}'`);
    }
  }
}

function unknown(job: Parametrised, name: string): MapReduceError {
  const names = Object.keys(job.params);
  const nearest = nearestName(name, names);
  const hint =
    names.length === 0
      ? 'It has none'
      : nearest === undefined
        ? `It has ${names.join(', ')}`
        : `Did you mean '${nearest}'? It has ${names.join(', ')}`;
  return new MapReduceError('UsageError', `job '${job.name}' has no parameter '${name}'. ${hint}`, {
    details: { jobName: job.name },
  });
}

function usage(job: Parametrised, name: string, rule: string): MapReduceError {
  return new MapReduceError('UsageError', `job '${job.name}': parameter '${name}' ${rule}`, {
    details: { jobName: job.name },
  });
}
