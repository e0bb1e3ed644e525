/** For an unknown option that resembles no option of its command: which commands have one that it resembles. */
import { Option } from 'commander';
import { nearestName } from '../../base/nearest-name.ts';
import { AWS_COMMANDS } from './aws-commands.ts';
import type { CommandSpec } from './command-spec.ts';
import { LOCAL_COMMANDS } from './local-commands.ts';

/**
 * @param message  commander's, which has its own hint if the command has such an option
 * @returns `mapreduce submit has --max-dollars`, or undefined
 */
export function optionElsewhere(message: string): string | undefined {
  const [, option = ''] = /^error: unknown option '(--[^']+)'$/.exec(message) ?? [];
  const commands = [...LOCAL_COMMANDS, ...AWS_COMMANDS];
  const nearest = nearestName(option, commands.flatMap(optionsOf));
  if (nearest === undefined) return undefined;
  const having = commands.filter((spec) => optionsOf(spec).includes(nearest)).map(({ name }) => name);
  return `mapreduce ${having.join(', ')} ${having.length === 1 ? 'has' : 'have'} ${nearest}`;
}

function optionsOf({ options }: CommandSpec): string[] {
  return options.map((option) => {
    const { long } = option instanceof Option ? option : new Option(...option);
    return long ?? '';
  });
}
