/**
 * The caller's AWS configuration: variables, and the two files below ~/.aws. The SDK ignores a file that it cannot read
 * and a profile that does not exist, and then reports only that it found no credentials or no region.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { MapReduceError } from '../../base/errors.ts';
import { errnoOf } from '../../base/field-of.ts';
import { nearestName } from '../../base/nearest-name.ts';
import { explainErrno } from '../../storage/file/file-errors.ts';

/**
 * Removes variables that are set to an empty string, which the SDK would take for an address or a region.
 *
 * @throws UsageError for an endpoint that is not an http:// or https:// URL, and a region that no host name can hold
 */
export function assertEnvironment(environment: NodeJS.ProcessEnv = process.env): void {
  for (const [name, value] of Object.entries(environment)) {
    const [isOfEndpoint, isOfRegion] = [ENDPOINTS.test(name), REGIONS.includes(name)];
    if (value === '' && (isOfEndpoint || isOfRegion || name === 'AWS_PROFILE')) delete environment[name];
    else if (value === undefined || value === '') continue;
    else if (isOfEndpoint && !isEndpoint(value)) throw usage(notEndpoint(name, value));
    else if (isOfRegion && !isRegion(value)) throw usage(notRegion(`${name} is '${value}'`));
  }
}

const ENDPOINTS = /^AWS_ENDPOINT_URL(_|$)/;
const REGIONS: readonly string[] = ['AWS_REGION', 'AWS_DEFAULT_REGION'];

/**
 * What is wrong with the endpoint or the region of a profile, according to the SDK's error; undefined for other errors.
 */
export function profileProblem({ message }: Error): string | undefined {
  const region = /Region not accepted: region="(.*)" is not a valid hostname component/s.exec(message)?.[1];
  if (region !== undefined) return notRegion(`the region of the AWS profile is '${region}'`);
  if (/^Invalid URL$|was not a valid URI/.test(message)) {
    return "the endpoint_url in the AWS configuration is not an address. Write it with its scheme, for example 'http://127.0.0.1:4566', or remove it to work on AWS";
  }
  return undefined;
}

/** Why the SDK finds no credentials or no region; undefined if it finds no mistake. */
export function missingConfiguration(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const { AWS_PROFILE: profile } = environment;
  const files = [
    fileOf(environment, { variable: 'AWS_CONFIG_FILE', name: 'config' }),
    fileOf(environment, { variable: 'AWS_SHARED_CREDENTIALS_FILE', name: 'credentials' }),
  ];
  const profiles = new Set<string>();
  for (const { path, variable } of files) {
    try {
      for (const name of profilesIn(readFileSync(path, 'utf8'))) profiles.add(name);
    } catch (error) {
      const isAbsent = errnoOf(error) === 'ENOENT';
      if (isAbsent && environment[variable] === undefined) continue;
      if (isAbsent) return `${variable} is '${path}', and there is no such file. Correct or unset it`;
      const from = environment[variable] === undefined ? '' : ` (${variable})`;
      return `the AWS configuration in ${path}${from} cannot be read: ${explainErrno(error, REMEDIES)}`;
    }
  }
  if (profile === undefined || profile === '' || profiles.has(profile)) return undefined;
  const nearest = nearestName(profile, profiles);
  const hint = nearest === undefined ? '' : ` Did you mean '${nearest}'?`;
  const known = profiles.size === 0 ? 'There are none' : `There are ${[...profiles].sort().join(', ')}`;
  return `AWS_PROFILE is '${profile}', and ${files.map(({ path }) => path).join(' and ')} have no such profile.${hint} ${known}. Correct or unset AWS_PROFILE, or make the profile with 'aws configure --profile ${profile}'`;
}

const REMEDIES = {
  EISDIR: 'It is a folder: name the file in it, or unset the variable.',
};

function fileOf(
  environment: NodeJS.ProcessEnv,
  { variable, name }: { variable: string; name: string },
): { path: string; variable: string } {
  const home = environment.HOME ?? homedir();
  return { path: environment[variable] ?? join(home, '.aws', name), variable };
}

/** Names in headings such as `[profile work]` of the one file and `[work]` of the other. */
function profilesIn(text: string): string[] {
  return [...text.matchAll(/^\s*\[\s*(?:profile\s+)?["']?([^\]"']+?)["']?\s*\]/gm)]
    .map(([, name = '']) => name)
    .filter((name) => !/^(sso-session|services)\s/.test(name));
}

function isEndpoint(value: string): boolean {
  return /^https?:\/\/[^/]/i.test(value) && URL.canParse(value);
}

function isRegion(value: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(value);
}

function notEndpoint(name: string, value: string): string {
  return `${name} is '${value}', which is not an address. Write it with its scheme, for example 'http://127.0.0.1:4566', or unset it to work on AWS`;
}

function notRegion(what: string): string {
  return `${what}, which is not the name of a region. Correct it, for example AWS_REGION=us-east-1`;
}

function usage(message: string): MapReduceError {
  return new MapReduceError('UsageError', message);
}
