/** The facts as numbers, for one evaluation of the model. */
import { FACTS, type Fact } from './facts.ts';

/** The good case, what is likely, and the bad case. */
export const LEVELS = ['low', 'likely', 'high'] as const;
export type Level = (typeof LEVELS)[number];

/** `constants.S3.getsPerSecond` is a number; its unit is in its name. */
export type Constants = {
  readonly [Service in keyof typeof FACTS]: { readonly [Name in keyof (typeof FACTS)[Service]]: number };
};

export function constantsAt(level: Level): Constants {
  // The cast: Object.fromEntries() forgets the names.
  return Object.fromEntries(
    Object.entries(FACTS).map(([service, facts]) => [
      service,
      Object.fromEntries(Object.entries<Fact>(facts).map(([name, fact]) => [name, valueAt(fact, level)])),
    ]),
  ) as Constants;
}

export function valueAt({ value, low = value, high = value }: Fact, level: Level): number {
  return { low, likely: value, high }[level];
}

/** All but one as they are. */
export function withConstant<Service extends keyof Constants>(
  constants: Constants,
  service: Service,
  changes: Partial<Constants[Service]>,
): Constants {
  return { ...constants, [service]: { ...constants[service], ...changes } };
}
