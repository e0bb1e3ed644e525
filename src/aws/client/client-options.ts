/** How the clients of the SDK are made: where they go, and how long they wait. */
import { regionOf } from './local-endpoint.ts';

/** What these calls ask for takes AWS less than a second, and a busy emulator a few. */
const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 15_000;

/** For clients whose calls are short: an endpoint that takes connections and never answers is an error after seconds. */
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

/** For further clients: the region of the variables, else of the profile. */
export function clientRegion(): { region?: string } {
  const region = regionOf();
  return region === undefined ? {} : { region };
}

/** For clients beside a deployment: without a region of one's own, the state machine's. */
export function regionOption(stateMachineArn: string): { region: string } {
  return { region: regionOf() ?? regionOfArn(stateMachineArn) };
}

export function regionOfArn(arn: string): string {
  return arn.split(':')[3] ?? '';
}
