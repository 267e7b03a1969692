import { Argument, type Command, type Option } from 'commander';
import { bashScript, fishScript, zshScript, type Place } from './completion-scripts.ts';
import type { CommandContext } from './context.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

const HELP = `
The script knows the commands, options and choices of this release: make it again after an upgrade.

Examples:
  history-cdc completion bash > ~/.local/share/bash-completion/completions/history-cdc
  history-cdc completion zsh > "\${fpath[1]}/_history-cdc"
  history-cdc completion fish > ~/.config/fish/completions/history-cdc.fish`;

/** `program.ts` loads every command before this one acts, so that the program's own tables are the source. */
export function registerCompletion(command: Command, context: CommandContext): void {
  command
    .addArgument(new Argument('<shell>', 'for which shell').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', HELP)
    .action((shell: keyof typeof SCRIPTS) => {
      context.print(SCRIPTS[shell](placesOf(command.parent ?? command, '')));
    });
}

/** What may stand behind each command, from the outermost to the innermost. */
function placesOf(command: Command, at: string): Place[] {
  const { options: own, visibleCommands } = visible(command);
  const commands = visibleCommands.map((one) => ({ word: one.name(), about: one.description() }));
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices);
  const options = own.map((option) => ({
    word: option.long ?? option.short ?? '',
    about: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  }));
  const place = { at, commands, options, choices: choices.map((word) => ({ word, about: '' })) };
  const below = command.commands.flatMap((one) =>
    placesOf(one, at === '' ? one.name() : `${at} ${one.name()}`),
  );
  return [place, ...below];
}

function visible(command: Command): { options: readonly Option[]; visibleCommands: readonly Command[] } {
  const help = command.createHelp();
  return { options: help.visibleOptions(command), visibleCommands: help.visibleCommands(command) };
}
