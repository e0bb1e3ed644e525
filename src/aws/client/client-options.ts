/** Options of the SDK's clients: their region, and how long they wait. */
import { regionOf } from './local-endpoint.ts';

/** These calls take AWS less than a second, and a busy emulator a few. */
const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 15_000;

/**
 * For clients whose calls are short: an endpoint that takes connections and never answers is an error after seconds.
 */
export function clientOptions<R extends { readonly region?: string }>(region: R) {
  return {
    ...region,
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  };
}

/** The region of the variables; without one, the SDK takes that of the profile. */
export function clientRegion(): { region?: string } {
  const region = regionOf();
  return region === undefined ? {} : { region };
}

/** For clients of a deployment: the region of the variables, otherwise the state machine's. */
export function regionOption(stateMachineArn: string): { region: string } {
  return { region: regionOf() ?? regionOfArn(stateMachineArn) };
}

export function regionOfArn(arn: string): string {
  return arn.split(':')[3] ?? '';
}
