import stringWidth from 'string-width';
import { oneLine } from './printable.ts';

/** How a word is coloured where there are colours. The word itself must say the same, because colours may be missing. */
export type Tone = 'good' | 'bad' | 'look' | 'head';

/** A word in a colour. */
export interface Mark {
  readonly mark: string;
  readonly tone: Tone;
}

export type Cell = string | number | Mark;

/** A row of cells, or one line across all columns. */
type Row = readonly Cell[] | string;

/** A table that is not laid out yet, because its layout depends on the terminal. Numbers stand on the right. */
export interface Table {
  /** Undefined: the columns have no heads. */
  readonly head: readonly string[] | undefined;
  readonly rows: readonly Row[];
}

/** What is known of the place where the text appears. */
export interface Paper {
  /** The width of the terminal. Undefined where there is no terminal: then every row is one line, for grep. */
  readonly columns: number | undefined;
  readonly paint: (tone: Tone, text: string) => string;
}

export function tableOf(head: readonly string[], rows: readonly Row[]): Table {
  return { head, rows };
}

export function rowsOnly(rows: readonly Row[]): Table {
  return { head: undefined, rows };
}

const GAP = '  ';
/** A column of prose that is narrower than this is hard to read. Then each row becomes a block of lines. */
const COMFORTABLE = 24;

interface Placed {
  readonly text: string;
  readonly tone: Tone | undefined;
}

/**
 * Lays a table out: as it is, if it fits; with wrapped columns, if each of them stays readable; otherwise each row as a
 * block, one line per cell. A word is never broken, so that an id or an address can be copied.
 */
export function tableLines({ head, rows }: Table, paper: Paper): string[] {
  const numeric = columnsOf(rows).map((column) => column.every((cell) => typeof cell === 'number'));
  const titles = head?.map((title): Placed => ({ text: title, tone: 'head' }));
  const body = rows.map((row) => (typeof row === 'string' ? row : row.map(placed)));
  const cells = [...(titles === undefined ? [] : [titles]), ...body.filter((row) => typeof row !== 'string')];
  const columns = columnsOf(cells);
  const natural = columns.map((column) => widest(column.map(({ text }) => widthOf(text))));
  const widths = fitted(natural, columns, paper.columns);
  if (widths === undefined)
    return body.flatMap((row, index) =>
      typeof row === 'string' ? across(row, paper) : blockOf(row, { head, index, paper }),
    );
  const line = (row: readonly Placed[]) => rowLines(row, { widths, numeric, paper });
  return [
    ...(titles === undefined ? [] : line(titles)),
    ...body.flatMap((row) => (typeof row === 'string' ? across(row, paper) : line(row))),
  ];
}

function across(line: string, { columns }: Paper): string[] {
  const text = oneLine(line);
  return columns === undefined ? [text] : wrapLine(text, columns);
}

function columnsOf<T>(rows: readonly (readonly T[] | string)[]): T[][] {
  const cells = rows.filter((row): row is readonly T[] => typeof row !== 'string');
  const count = widest(cells.map((row) => row.length));
  return Array.from({ length: count }, (_, at) => cells.flatMap((row) => row.slice(at, at + 1)));
}

function placed(cell: Cell): Placed {
  if (typeof cell === 'number') return { text: cell.toLocaleString('en'), tone: undefined };
  if (typeof cell === 'string') return { text: oneLine(cell), tone: undefined };
  return { text: oneLine(cell.mark), tone: cell.tone };
}

/** The widths of the columns, or undefined if they do not fit beside each other. */
function fitted(
  natural: readonly number[],
  columns: readonly (readonly Placed[])[],
  room: number | undefined,
): number[] | undefined {
  if (room === undefined) return [...natural];
  const gaps = GAP.length * Math.max(0, natural.length - 1);
  const least = natural.map((width, at) => {
    const words = (columns[at] ?? []).flatMap(({ text }) => wordsOf(text).map(({ word }) => widthOf(word)));
    return Math.max(widest(words), Math.min(width, COMFORTABLE));
  });
  let spare = room - gaps - least.reduce((sum, width) => sum + width, 0);
  if (spare < 0) return undefined;
  const widths = [...least];
  // Narrow columns first: what they do not need goes to the wide ones.
  const order = natural.map((_, at) => at).sort((a, b) => (natural[a] ?? 0) - (natural[b] ?? 0));
  for (const [done, at] of order.entries()) {
    const wanted = (natural[at] ?? 0) - (least[at] ?? 0);
    const given = Math.min(wanted, Math.floor(spare / (order.length - done)));
    widths[at] = (least[at] ?? 0) + given;
    spare -= given;
  }
  return widths;
}

interface Layout {
  readonly widths: readonly number[];
  readonly numeric: readonly boolean[];
  readonly paper: Paper;
}

function rowLines(row: readonly Placed[], { widths, numeric, paper }: Layout): string[] {
  const wrapped = row.map(({ text }, at) =>
    paper.columns === undefined ? [text] : wrap(text, widths[at] ?? 0),
  );
  return Array.from({ length: Math.max(1, widest(wrapped.map((lines) => lines.length))) }, (_, index) => {
    const parts = row.map(({ tone }, at) => {
      const text = wrapped[at]?.[index] ?? '';
      const fill = ' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(text)));
      const painted = tone === undefined || text === '' ? text : paper.paint(tone, text);
      return numeric[at] === true ? `${fill}${painted}` : `${painted}${fill}`;
    });
    return parts.join(GAP).trimEnd();
  });
}

interface Block {
  readonly head: readonly string[] | undefined;
  readonly index: number;
  readonly paper: Paper;
}

/** A row as lines: `head  value` for each cell, or, without heads, the first cells and the last one below them. */
function blockOf(row: readonly Placed[], { head, index, paper }: Block): string[] {
  const { columns = 0, paint } = paper;
  const coloured = ({ text, tone }: Placed) => (tone === undefined || text === '' ? text : paint(tone, text));
  if (head === undefined) {
    const first = row.slice(0, -1).filter(({ text }) => text !== '');
    return [
      ...(first.length === 0 ? [] : [first.map(coloured).join(GAP)]),
      ...wrap(row.at(-1)?.text ?? '', columns - GAP.length).map((line) => `${GAP}${line}`),
    ];
  }
  const width = widest(head.map((title) => widthOf(title)));
  const lines = row.flatMap((cell, at) => {
    if (cell.text === '') return [];
    const title = head[at] ?? '';
    if (title === '') return [coloured(cell)];
    const room = columns - width - GAP.length;
    const label = `${paint('head', title)}${' '.repeat(width - widthOf(title))}`;
    const values = wrap(cell.text, room);
    // What does not fit beside its head stands below it, so that it is in one piece.
    if (room < COMFORTABLE / 2 || widest(values.map((line) => widthOf(line))) > room)
      return [label.trimEnd(), ...wrap(cell.text, columns - GAP.length).map((line) => `${GAP}${line}`)];
    return values.map((line, nth) => `${nth === 0 ? label : ' '.repeat(width)}${GAP}${line}`);
  });
  return [...(index === 0 ? [] : ['']), ...lines];
}

/** A command or an SQL statement, also behind the label of a remedy. */
const COMMAND =
  /^ *((next|do|first \([\w-]+\)): )?(history-cdc|export|psql|SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|GRANT|REVOKE|SET) /;

/**
 * Wraps a line below its own beginning: behind its spaces, and behind a dash. A command stays one line, because a
 * person copies it.
 */
export function wrapLine(line: string, columns: number): string[] {
  if (COMMAND.test(line)) return [line];
  const [begin = ''] = /^ *(- )?/.exec(line) ?? [];
  const [first = '', ...more] = wrap(line.slice(begin.length), columns - begin.length);
  return [`${begin}${first}`, ...more.map((one) => `${' '.repeat(begin.length)}${one}`)];
}

/** Wraps between words. A word that is longer than the line stays in one piece. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let [line, taken]: [string | undefined, number] = [undefined, 0];
  for (const { word, before } of wordsOf(text)) {
    const more = widthOf(word);
    if (line === undefined || taken + before.length + more > width) {
      if (line !== undefined) lines.push(line.trimEnd());
      [line, taken] = [word, more];
    } else {
      line += `${before}${word}`;
      taken += before.length + more;
    }
  }
  return [...lines, (line ?? '').trimEnd()];
}

interface Word {
  readonly before: string;
  readonly word: string;
}

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * The pieces between which a line may end: words, short commands in backticks, and each character that is two columns
 * wide, because Chinese has no spaces.
 */
function wordsOf(text: string): Word[] {
  return unquoted(text).flatMap((word, at) => {
    const before = at === 0 ? '' : ' ';
    if (widthOf(word) === word.length) return [{ before, word }];
    const pieces: string[] = [];
    let joins = false;
    for (const { segment } of GRAPHEMES.segment(word)) {
      const wide = widthOf(segment) > 1;
      if (joins && !wide) pieces.push(`${pieces.pop() ?? ''}${segment}`);
      else pieces.push(segment);
      joins = !wide;
    }
    return pieces.map((piece, nth) => ({ before: nth === 0 ? before : '', word: piece }));
  });
}

/** Splits at spaces, but not inside of a short command in backticks. */
function unquoted(text: string): string[] {
  const words: string[] = [];
  let open = false;
  for (const word of text.split(' ')) {
    const last = words.at(-1);
    if (open && last !== undefined && last.length + word.length < COMFORTABLE)
      words[words.length - 1] = `${last} ${word}`;
    else words.push(word);
    if (word.split('`').length % 2 === 0) open = !open;
  }
  return words;
}

/** The columns that a text takes. The measuring of other scripts and of emojis is slow. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text);
}

function widest(widths: readonly number[]): number {
  return widths.reduce((most, width) => Math.max(most, width), 0);
}
