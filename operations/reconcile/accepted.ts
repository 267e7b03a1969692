import { z } from 'zod';
import { FatalError } from '../../lib/errors.ts';
import type { Client } from '../../lib/postgres.ts';
import { KIND_NAMES } from './kinds.ts';

const rule = z
  .strictObject({
    id: z.string().regex(/^[\w.-]+$/, 'must be letters, digits, dot, _ and -'),
    kind: z.enum(KIND_NAMES),
    /** One row; or a field, for a difference in this field in any row. */
    legacy_id: z.uuid().optional(),
    field: z.string().min(1).optional(),
    owner: z.string().min(1),
    reason: z.string().min(1),
    expires: z.iso.date(),
  })
  .refine((one) => (one.legacy_id === undefined) !== (one.field === undefined), {
    error: 'needs either legacy_id or field',
  })
  .refine((one) => one.field === undefined || one.kind === 'different', {
    error: 'field goes with the kind `different` only',
    path: ['field'],
  });
const file = z
  .strictObject({ version: z.literal(1), rules: z.array(rule) })
  .refine(({ rules }) => new Set(rules.map(({ id }) => id)).size === rules.length, {
    error: 'two rules have the same id',
    path: ['rules'],
  });

/** A difference that a person has accepted until a certain day. */
export type AcceptRule = z.output<typeof rule>;

export interface AcceptRules {
  readonly valid: readonly AcceptRule[];
  readonly expired: readonly AcceptRule[];
}

/**
 * Parses the file's text. Throws one `CONFIG_INVALID` that lists every problem. A rule is valid until the end of its
 * last day.
 */
export function parseAcceptRules(text: string, path: string, now: Date): AcceptRules {
  const parsed = file.safeParse(jsonOf(text));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  - ${issue.path.join('.')} ${issue.message}`);
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: `${path} is not a valid file of accepted differences:\n${problems.join('\n')}`,
      wayOut:
        'it looks like {"version": 1, "rules": [{"id": "r1", "kind": "missing", "legacy_id": "…", "owner": "…", "reason": "…", "expires": "2027-01-31"}]}',
    });
  }
  const today = now.toISOString().slice(0, 10);
  const { rules } = parsed.data;
  return {
    valid: rules.filter(({ expires }) => expires >= today),
    expired: rules.filter(({ expires }) => expires < today),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const ACCEPT_ROW = `
  UPDATE history_cdc.reconcile_finding SET accepted_by = $2
  WHERE run_id = $1 AND kind = $3 AND legacy_id = $4 AND accepted_by IS NULL`;
/** A row that differs in one more field than was accepted is not accepted. */
const ACCEPT_FIELDS = `
  UPDATE history_cdc.reconcile_finding f
  SET accepted_by = (SELECT string_agg(r.id, ', ' ORDER BY r.id) FROM unnest($2::text[], $3::text[]) AS r (id, field) WHERE r.field = ANY (f.fields))
  WHERE f.run_id = $1 AND f.kind = 'different' AND f.fields <@ $3::text[] AND f.accepted_by IS NULL`;

/** What is kept of the rules with the run: who answers for a difference, why, and until when. */
const KEEP_RULES = 'UPDATE history_cdc.reconcile_run SET accept_rules = $2 WHERE id = $1';

/** Records for each finding which rule covers it, and with the run who answers for the rule. */
export async function acceptFindings(
  client: Client,
  runId: string,
  rules: readonly AcceptRule[],
): Promise<void> {
  const kept = rules.map(({ id, owner, reason, expires }) => ({ id, owner, reason, expires }));
  await client.query(KEEP_RULES, [runId, JSON.stringify(kept)]);
  for (const { id, kind, legacy_id } of rules) {
    if (legacy_id !== undefined) await client.query(ACCEPT_ROW, [runId, id, kind, legacy_id]);
  }
  const ofFields = rules.filter(({ field }) => field !== undefined);
  if (ofFields.length === 0) return;
  await client.query(ACCEPT_FIELDS, [
    runId,
    ofFields.map(({ id }) => id),
    ofFields.map(({ field }) => field),
  ]);
}
