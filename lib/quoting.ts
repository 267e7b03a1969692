/**
 * Text that a person pastes into psql or a shell. The tags `sql` and `shell` take only values that are quoted for that
 * place, and the type of a fix accepts no other text that was put together. Without this, a table named
 * `x FROM PUBLIC; DROP TABLE victim; --` in a printed GRANT ran as SQL in the session of the person who pasted it.
 */
import pg from 'pg';

declare const place: unique symbol;
/** SQL in which every name and every value is quoted. */
export type Sql = string & { readonly [place]: 'sql' };
/** A line for a shell in which every value is one word. */
export type Shell = string & { readonly [place]: 'shell' };
export type Paste = Sql | Shell;

/** The compiler names this type when a text with unquoted values is passed. */
export interface UseTheTagsOfQuoting {
  readonly useTheTags: 'sql`…` and shell`…` of lib/quoting.ts';
}

/**
 * Accepts what a tag made, and a constant text. Refuses a template that has unquoted values in it, and a plain
 * `string`.
 */
export type Pasteable<F extends string> = F extends Paste
  ? F
  : { readonly [place]?: never } extends Record<F, 1>
    ? UseTheTagsOfQuoting
    : F;

export function sql(texts: TemplateStringsArray, ...values: readonly (Sql | number)[]): Sql {
  return String.raw({ raw: texts }, ...values) as Sql;
}

/** Each value becomes one word, also a statement after `psql -c`, and a text after `#`. */
export function shell(texts: TemplateStringsArray, ...values: readonly (string | number)[]): Shell {
  return String.raw({ raw: texts }, ...values.map((value) => word(String(value)))) as Shell;
}

/** A constant text that stands among lines. */
export function constant<F extends string>(text: F & Pasteable<F>): Paste {
  return text as string as Paste;
}

/** Several lines, one below the other. */
export function lines<P extends Paste>(...all: readonly P[]): P {
  return all.join('\n') as P;
}

/** Parts of one command, joined with spaces. */
export function command(...parts: readonly Shell[]): Shell {
  return parts.join(' ') as Shell;
}

/** Several pieces of SQL, separated by commas. */
export function list(pieces: readonly Sql[]): Sql {
  return pieces.join(', ') as Sql;
}

const CONTROL = /[\p{Cc}\u2028\u2029]/gu;

/**
 * A name of a table, column or role, always in quotes. Control characters are escaped, so that the name stays on its
 * line.
 */
export function identifier(name: string): Sql {
  if (name.search(CONTROL) < 0) return pg.escapeIdentifier(name) as Sql;
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('"', '""');
  return `U&"${escaped.replace(CONTROL, (c) => `\\${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"` as Sql;
}

/** `schema.table`, for names that are known and contain no dots. */
export function qualified(name: string): Sql {
  return name.split('.').map(keyword).join('.') as Sql;
}

export function literal(text: string): Sql {
  return pg.escapeLiteral(text) as Sql;
}

/** Words that are written without quotes, such as a privilege or a server setting; throws for anything else. */
export function keyword(text: string): Sql {
  if (!/^[A-Za-z]+([ _][A-Za-z]+)*$/.test(text)) throw new Error('this is no keyword of SQL');
  return text as Sql;
}

/** A text after `--`. It cannot end the line. */
export function remark(text: string): Sql {
  return text.replace(CONTROL, ' ') as Sql;
}

/** A word is quoted only if it must be, so that ordinary commands stay readable. */
function word(text: string): string {
  const bare = text.replace(/[\r\n]/g, ' ');
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(bare) ? bare : `'${bare.replaceAll("'", String.raw`'\''`)}'`;
}
