/**
 * Says by which settings the ledger is decided. All projectors of a ledger use the same ones: with two match windows, for
 * example, one projector would link a twin for which the other writes a canonical row of its own. The first projector
 * records its settings, and every later one, and every command that decides or proves, refuses to work with others.
 */
import type { Config } from '../../../lib/config.ts';
import { FatalError } from '../../../lib/errors.ts';
import type { Client } from '../../../lib/postgres.ts';

/** A setting belongs here if its value changes a decision or a link, and nothing else would show that it differs. */
const NAMES = ['OPT_OUT_POLICY', 'MATCH_WINDOW_SECONDS', 'SETTLE_MARGIN_SECONDS'] as const;

export type DecidingSettings = Readonly<Record<string, string>>;

export function decidingSettings(config: Pick<Config, (typeof NAMES)[number]>): DecidingSettings {
  return Object.fromEntries(NAMES.map((name) => [name, String(config[name])]));
}

const RECORDED = 'SELECT settings FROM history_cdc.deciding_settings';
const HELD = `${RECORDED} FOR UPDATE`;
const RECORD_FIRST = `
  INSERT INTO history_cdc.deciding_settings (settings) VALUES ($1::jsonb) ON CONFLICT (is_only) DO NOTHING`;
const REPLACE = `
  UPDATE history_cdc.deciding_settings SET settings = settings || $1::jsonb, since = clock_timestamp()
  WHERE NOT settings @> $1::jsonb`;
/** The stream is watched as before: whoever claims next begins where this claim ends. */
const OUTDATE_CLAIMS = `
  UPDATE history_cdc.consumer_offset
  SET epoch = epoch + 1, projector = 'history-cdc: other settings were accepted',
      watched_epoch = CASE WHEN watched_epoch = epoch THEN epoch + 1 ELSE watched_epoch END`;

/** Undefined if no projector has recorded its settings yet. */
export async function recordedSettings(client: Client): Promise<DecidingSettings | undefined> {
  return (await client.query<Row>(RECORDED)).rows[0]?.settings;
}

/** What differs, one phrase each. A setting that only one side knows belongs to another release, and does not count. */
export function settingsThatDiffer(own: DecidingSettings, recorded: DecidingSettings | undefined): string[] {
  return Object.entries(own).flatMap(([name, value]) => {
    const other = recorded?.[name];
    return other === undefined || other === value
      ? []
      : [`${name} is ${value} here, and ${other} in the ledger`];
  });
}

/**
 * Records the settings if none are recorded, in the transaction of `client`. If a person accepts others, the claims of
 * all projectors are outdated, so that none of them goes on with the former settings.
 */
export async function registerSettings(
  client: Client,
  own: DecidingSettings,
  accept: boolean,
): Promise<void> {
  const values = JSON.stringify(own);
  await client.query(RECORD_FIRST, [values]);
  const recorded = (await client.query<Row>(HELD)).rows[0]?.settings;
  const differs = settingsThatDiffer(own, recorded);
  if (differs.length > 0 && !accept) throw settingsDiffer(differs);
  await client.query(REPLACE, [values]);
  if (differs.length > 0) await client.query(OUTDATE_CLAIMS);
}

/** Throws if the ledger is decided by other settings. */
export async function assertSameSettings(client: Client, own: DecidingSettings): Promise<void> {
  const differs = settingsThatDiffer(own, await recordedSettings(client));
  if (differs.length > 0) throw settingsDiffer(differs);
}

interface Row {
  readonly settings: DecidingSettings;
}

function settingsDiffer(differs: readonly string[]): FatalError {
  return new FatalError({
    code: 'SETTINGS_DIFFER',
    message: `the ledger is decided by other settings: ${differs.join('; ')}`,
    wayOut:
      'set what the ledger has; or, if the change is meant, change it for every projector and run `history-cdc project --accept-new-settings` once',
  });
}
