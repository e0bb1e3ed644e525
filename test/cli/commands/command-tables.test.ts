import { describe, expect, test } from 'vitest';
import { AWS_COMMANDS } from '../../../src/cli/commands/aws-commands.ts';
import { LOCAL_COMMANDS } from '../../../src/cli/commands/local-commands.ts';

const COMMANDS = [...LOCAL_COMMANDS, ...AWS_COMMANDS];

describe('the tables of commands', () => {
  test('have each command once', () => {
    const names = COMMANDS.map(({ name }) => name);

    expect(new Set(names).size).toBe(names.length);
  });

  test.each(COMMANDS)('$name has an example that calls it, and code that loads', async (command) => {
    expect(command.examples).toContain(`\n  mapreduce ${command.name}`);
    expect(await command.load()).toBeTypeOf('function');
  });

  test.each(AWS_COMMANDS)('$name accepts an emulator and a named stack', ({ options }) => {
    const flags = options.flatMap((option) => ('flags' in option ? [option.flags] : [option[0]]));

    expect(flags).toEqual(expect.arrayContaining(['--stack <name>', '--local']));
  });
});
