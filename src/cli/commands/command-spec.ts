/** A command as data, and how it is added to the program. */
import { type Command, Option } from 'commander';
import { assertWorkingFolder } from '../process/working-folder.ts';

/** As commander takes them: `['-q, --quiet', 'print nothing but errors']`. */
export type OptionSpec = readonly [flags: string, description: string] | Option;

/** Takes what commander has parsed: the operands in order, then the flags. */
export type CommandAction = (...typed: never[]) => Promise<number>;

export interface CommandSpec {
  readonly name: string;
  /** One line in the list of commands. */
  readonly summary: string;
  /** The first paragraph of the command's help. */
  readonly description: string;
  /** Replaces the usage that commander derives from the operands, which omits required flags. */
  readonly usage?: string;
  readonly operands: readonly (readonly [name: string, description: string])[];
  readonly options: readonly OptionSpec[];
  /** The end of the command's help. */
  readonly examples: string;
  /** Whether it takes paths relative to the working folder. The other commands work without one. */
  readonly takesPaths?: boolean;
  /** Imports the command's code. @returns a function that resolves to the exit code */
  readonly load: () => Promise<CommandAction>;
}

/** @param finish  takes the exit code of the command that ran */
export function addCommand(program: Command, spec: CommandSpec, finish: (exitCode: number) => void): void {
  const { name, summary, description, usage, operands, options, examples, takesPaths = false, load } = spec;
  const command = program.command(name).summary(summary).description(description);
  if (usage !== undefined) command.usage(usage);
  for (const [operand, text] of operands) command.argument(operand, text);
  for (const option of options) {
    if (option instanceof Option) command.addOption(option);
    else command.option(...option);
  }
  command
    .addHelpText('after', `\n${examples}`)
    .showHelpAfterError(`See mapreduce ${name} --help`)
    .action(async (...parsed: unknown[]) => {
      if (takesPaths) assertWorkingFolder();
      const run = await load();
      // The last argument is the command itself. The cast: commander does not type parsed arguments.
      finish(await run(...(parsed.slice(0, -1) as never[])));
    });
}
