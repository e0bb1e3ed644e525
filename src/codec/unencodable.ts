import { MapReduceError } from '../base/errors.ts';
import { preview, typeName } from '../base/show-value.ts';

/** A value that a codec or an output format cannot hold: what it is, what is allowed and what to do, one sentence each. */
export interface UnencodableValue {
  /** The name of the codec or format. */
  readonly codec: string;
  readonly value: unknown;
  /** What the message shows instead of the value. */
  readonly shown?: string;
  /** Where inside the value, for example `$.tags[3]`; omitted for the value itself. */
  readonly path?: string;
  readonly allowed: string;
  readonly remedy: string;
}

export function unencodable({
  codec,
  value,
  shown,
  path,
  allowed,
  remedy,
}: UnencodableValue): MapReduceError {
  const where = path === undefined || path === '$' ? '' : ` at ${path}`;
  return new MapReduceError(
    'UnencodableValueError',
    `${codec} cannot hold ${shown ?? preview(value)} (${typeName(value)})${where}. Allowed: ${allowed}. ${remedy}`,
  );
}
