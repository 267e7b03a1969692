/** The answers of commands for people: parts that are laid out when the width of the terminal is known. */
import { printable } from './printable.ts';
import { tableLines, wrapLine, type Mark, type Paper, type Table, type Tone } from './table.ts';

/** Text that is never wrapped, because somebody copies it: a script, a document. A single command is known as one. */
interface Verbatim {
  readonly verbatim: string;
}

interface Indented {
  readonly indent: number;
  readonly parts: readonly Part[];
}

/** A line of text, or lines; words are wrapped on a terminal, and lines go on below their first word. */
export type Part = string | Mark | Verbatim | Table | Indented;
export type Screen = string | readonly Part[];

export function good(text: string): Mark {
  return { mark: text, tone: 'good' };
}

export function bad(text: string): Mark {
  return { mark: text, tone: 'bad' };
}

/** For what somebody should look at, or what is not known. */
export function look(text: string): Mark {
  return { mark: text, tone: 'look' };
}

export function heading(text: string): Mark {
  return { mark: text, tone: 'head' };
}

export function verbatim(text: string): Verbatim {
  return { verbatim: text };
}

export function indented(indent: number, parts: readonly Part[]): Indented {
  return { indent, parts };
}

const CODES: Readonly<Record<Tone, readonly [on: number, off: number]>> = {
  good: [32, 39],
  bad: [31, 39],
  look: [33, 39],
  head: [1, 22],
};

export interface PaperOptions {
  readonly columns?: number | undefined;
  readonly colours?: boolean | undefined;
}

export function paperOf({ columns, colours = false }: PaperOptions): Paper {
  return {
    columns,
    paint: (tone, text) => {
      const [on, off] = CODES[tone];
      return colours ? `\u001b[${String(on)}m${text}\u001b[${String(off)}m` : text;
    },
  };
}

/** Draws a screen. Control characters of the text are escaped; only the colours of its marks are not. */
export function drawScreen(screen: Screen, options: PaperOptions = {}): string {
  const paper = paperOf(options);
  const parts = typeof screen === 'string' ? [screen] : screen;
  return parts.flatMap((part) => partLines(part, paper)).join('\n');
}

function partLines(part: Part, paper: Paper): string[] {
  if (typeof part === 'string') return textLines(part, paper);
  if ('mark' in part) return textLines(part.mark, paper).map((line) => paper.paint(part.tone, line));
  if ('verbatim' in part) return printable(part.verbatim).split('\n');
  if ('rows' in part) return tableLines(part, paper);
  const { indent, parts } = part;
  const columns = paper.columns === undefined ? undefined : paper.columns - indent;
  return parts
    .flatMap((inner) => partLines(inner, { ...paper, columns }))
    .map((line) => (line === '' ? line : `${' '.repeat(indent)}${line}`));
}

function textLines(text: string, { columns }: Paper): string[] {
  const lines = printable(text).split('\n');
  return columns === undefined ? lines : lines.flatMap((line) => wrapLine(line, columns));
}
