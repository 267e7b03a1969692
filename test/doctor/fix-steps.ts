/** One line of a fix, as whoever pastes it would take it: into psql, into the shell, or into the settings. */
export type FixStep =
  | { readonly kind: 'sql'; readonly text: string }
  | { readonly kind: 'setting'; readonly name: string; readonly value: string }
  /** `history-cdc …`; `intoPsql`: what it prints is run as the owner. */
  | { readonly kind: 'command'; readonly args: readonly string[]; readonly intoPsql: boolean }
  /** Over a replication connection to the database. */
  | { readonly kind: 'replication'; readonly text: string }
  | { readonly kind: 'tool'; readonly name: string; readonly args: readonly string[] };

const SQL = /^(ALTER|CREATE|DROP|GRANT|REVOKE|ROLLBACK|SELECT) [^]*;(\s+--.*)?$/;
const SETTING = /^([A-Z][A-Z_]+)=(\S+)$/;
const REPLICATION = /^psql "\$OWNER_URL\?replication=database" -c '([^']+)'$/;
const INTO_PSQL = / \| psql -1 -v ON_ERROR_STOP=1 "\$OWNER_URL"$/;
const TOOLS = new Set(['kafka-configs.sh', 'kafka-topics.sh', 'sed']);

/** Throws for a line that cannot be pasted as it stands. */
export function stepsOf(fix: string): readonly FixStep[] {
  return fix.split('\n').flatMap(stepsOfLine);
}

export function isPasteable(fix: string): boolean {
  try {
    return stepsOf(fix).length > 0;
  } catch {
    return false;
  }
}

/** Its lines for psql; throws where there are none. */
export function sqlOf(fix: string | null): readonly string[] {
  const sql = stepsOf(fix ?? '').flatMap((step) => (step.kind === 'sql' ? [step.text] : []));
  if (sql.length === 0) throw new Error(`there is no SQL in the fix: ${fix ?? ''}`);
  return sql;
}

function stepsOfLine(line: string): FixStep[] {
  // A question to whoever pastes it, which no machine can answer.
  if (line.startsWith('# ')) return [];
  if (SQL.test(line)) return [{ kind: 'sql', text: line }];
  return line
    .replace(/\s+#.*$/, '')
    .split(' && ')
    .map((part) => {
      const setting = SETTING.exec(part);
      if (setting !== null) return { kind: 'setting', name: setting[1] ?? '', value: setting[2] ?? '' };
      const [, replicated] = REPLICATION.exec(part) ?? [];
      if (replicated !== undefined) return { kind: 'replication', text: replicated };
      const [name = '', ...args] = words(part.replace(INTO_PSQL, ''));
      if (name === 'history-cdc')
        return {
          kind: 'command',
          args,
          intoPsql: part.endsWith(' | psql -1 -v ON_ERROR_STOP=1 "$OWNER_URL"'),
        };
      if (TOOLS.has(name)) return { kind: 'tool', name, args };
      throw new Error(`nobody can paste this line: ${line}`);
    });
}

/** As a shell splits a line that has single quotes and no others. */
function words(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}
