/** The completion scripts of the shells. They hold all words, so that no process of ours starts at a press of Tab. */

interface Word {
  readonly word: string;
  readonly about: string;
}

interface Switch extends Word {
  readonly takesValue: boolean;
  /** The values that there are; empty: any, and the shell offers files. */
  readonly choices: readonly string[];
}

export interface Place {
  /** The commands that stand before: `connector sql`; empty for the program itself. */
  readonly at: string;
  readonly commands: readonly Word[];
  readonly options: readonly Switch[];
  /** The values of an argument that has choices. */
  readonly choices: readonly Word[];
}

const wordsOf = ({ commands, choices, options }: Place): Word[] => [...commands, ...choices, ...options];

/** A `case` pattern for each step from a command into one below it: `connector sql`. */
const steps = (places: readonly Place[]): string =>
  places.flatMap(({ at, commands }) => commands.map(({ word }) => `'${at} ${word}'`)).join('|');

function valueCases(places: readonly Place[], known: (choices: string) => string, files: string): string {
  return places
    .flatMap(({ at, options }) =>
      options
        .filter(({ takesValue }) => takesValue)
        .map(({ word, choices }) => {
          const action = choices.length === 0 ? files : known(choices.join(' '));
          return `    '${at}|${word}') ${action}; return ;;`;
        }),
    )
    .join('\n');
}

export function bashScript(places: readonly Place[]): string {
  const cases = places.map(
    (place) =>
      `    '${place.at}') words='${wordsOf(place)
        .map(({ word }) => word)
        .join(' ')}' ;;`,
  );
  return `# bash completion of history-cdc, made by \`history-cdc completion bash\`
_history_cdc() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${steps(places)}) at="\${at:+$at }\${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$at|$prev" in
${valueCases(places, (choices) => `COMPREPLY=($(compgen -W '${choices}' -- "$cur"))`, ':')}
  esac
  case "$at" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _history_cdc history-cdc`;
}

export function zshScript(places: readonly Place[]): string {
  const item = ({ word, about }: Word) => quoted(`${word}:${about.replaceAll(':', '\\:')}`);
  const cases = places.map((place) => `    '${place.at}') found=(${wordsOf(place).map(item).join(' ')}) ;;`);
  return `#compdef history-cdc
# zsh completion of history-cdc, made by \`history-cdc completion zsh\`
_history_cdc() {
  local at='' i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      ${steps(places)}) at="\${at:+$at }\${words[i]}" ;;
    esac
  done
  case "$at|\${words[CURRENT-1]}" in
${valueCases(places, (choices) => `compadd -- ${choices}`, '_files')}
  esac
  case "$at" in
${cases.join('\n')}
  esac
  _describe history-cdc found
}
(( $+functions[compdef] )) && compdef _history_cdc history-cdc
[[ \${funcstack[1]} != _history-cdc ]] || _history_cdc "$@"`;
}

export function fishScript(places: readonly Place[]): string {
  const escaped = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = places.flatMap(({ at, commands, choices, options }) => {
    const begin = `complete -c history-cdc -n "__history_cdc_at '${at}'"`;
    return [
      ...[...commands, ...choices].map(
        ({ word, about }) => `${begin} -f -a ${word}${about === '' ? '' : ` -d ${escaped(about)}`}`,
      ),
      ...options.map(({ word, about, takesValue, choices: values }) => {
        const value = !takesValue
          ? ''
          : values.length === 0
            ? ' -r -F'
            : ` -x -a ${escaped(values.join(' '))}`;
        return `${begin} -l ${word.replace(/^-+/, '')}${value} -d ${escaped(about)}`;
      }),
    ];
  });
  return `# fish completion of history-cdc, made by \`history-cdc completion fish\`
function __history_cdc_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${steps(places).replaceAll('|', ' ')}
        set at (string trim "$at $word")
    end
  end
  test "$at" = "$argv[1]"
end
complete -c history-cdc -f
${lines.join('\n')}`;
}

/** One word for bash and zsh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
