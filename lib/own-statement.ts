/**
 * Marks each statement of ours that names the legacy table. pg_stat_statements keeps the mark with the text, so that our reads
 * of the table can be told from those of other programs, also where they log in with the same role (operations/soak).
 */
const OWN_MARK = '/* history-cdc */';

const NAMES_IT = /\bagent_test_history\b/;
/** Up to and with the first word. Postgres 18 keeps no comment in front of it. */
const FIRST_WORD = /^(?:\s|--[^\n]*\n|\/\*[^]*?\*\/)*[a-z]+/i;

/** The statement as it is sent: the text of a query, or a query with its text. Anything else is left as it is. */
export function marked(statement: unknown): unknown {
  if (typeof statement === 'string') return withMark(statement);
  return isQuery(statement) ? { ...statement, text: withMark(statement.text) } : statement;
}

function withMark(text: string): string {
  return NAMES_IT.test(text) ? text.replace(FIRST_WORD, (start) => `${start} ${OWN_MARK}`) : text;
}

/** A plain object: what submits itself to the connection (a COPY) has the mark in its own text. */
function isQuery(statement: unknown): statement is { readonly text: string } {
  return (
    typeof statement === 'object' &&
    statement !== null &&
    !('submit' in statement) &&
    'text' in statement &&
    typeof statement.text === 'string'
  );
}
