import type { Config } from '../../lib/config.ts';
import { attested, met, notMet, unknown, type Judged } from './condition.ts';
import type { Attestable } from './attestations.ts';
import type { SoakFacts } from './facts.ts';
import { daysText, notKnown } from './quiet.ts';

const RECONCILE = 'history-cdc reconcile';
const DAY_MS = 86_400_000;

/** The last whole `reconcile` is proven, younger than 24 hours, by this release and rule; and no gap is open. */
export function parity({ now, standing }: SoakFacts): Judged {
  if (!now.known) return notKnown(now.why, null);
  if (!standing.known) return notKnown(standing.why, RECONCILE);
  const { whole, gaps, background } = standing.value;
  if (gaps.length > 0)
    return notMet(
      `gaps of the stream are open: ${gaps.map(({ id, kind }) => `${id} (${kind})`).join(', ')}`,
      {
        ids: gaps.map(({ id }) => id),
        missing: 'the proof that nothing is missing behind them',
        fix: `${RECONCILE}  # closes a gap that was accepted`,
      },
    );
  if (whole === null)
    return notMet('`reconcile` has never compared everything', { missing: 'its verdict', fix: RECONCILE });
  const { runId, verdict, finishedAt, legacyRows, ledgerRows, canonicalRows, stale } = whole;
  const evidence = `run ${runId}: ${verdict.replace('_', ' ')}, ${finishedAt.toISOString()}; ${String(legacyRows)} legacy, ${String(ledgerRows)} ledger and ${String(canonicalRows)} canonical rows`;
  const ids = [runId];
  if (finishedAt > now.value)
    return unknown(evidence, { ids, missing: 'it is dated in the future: a clock is wrong', fix: RECONCILE });
  if (verdict !== 'proven')
    return notMet(evidence, { ids, missing: 'a run that proves everything', fix: `${RECONCILE} --last` });
  if (stale !== null)
    return notMet(`${evidence}; ${stale}`, { ids, missing: 'a verdict of today', fix: RECONCILE });
  if ((background.wrong ?? 0) > 0)
    return notMet(`${evidence}; since then the verification of \`project\` has found what is wrong`, {
      ids: background.ids,
      missing: `${String(background.wrong)} rows are wrong`,
      fix: RECONCILE,
    });
  return met(evidence, { ids, since: finishedAt });
}

/** No record waits in quarantine. Those that a person gave up are listed with name and reason. */
export function quarantine({ parked }: SoakFacts): Judged {
  if (!parked.known) return notKnown(parked.why, 'history-cdc quarantine list');
  const { open, openCount, waived } = parked.value;
  const given = waived.map(({ id, by, reason }) => `${id} by ${by} (${reason})`);
  const evidence = `${String(openCount)} open, ${String(waived.length)} waived${given.length === 0 ? '' : `: ${given.join('; ')}`}`;
  if (openCount === 0) return met(evidence, { ids: waived.slice(0, 100).map(({ id }) => id) });
  return notMet(evidence, {
    ids: open,
    missing: `${String(openCount)} records wait for a person`,
    fix: 'history-cdc quarantine list  # and retry them, or waive them',
  });
}

/** A verified archive covers every row, and is newer than the last change. */
export function archive({ now, archives }: SoakFacts): Judged {
  const exportIt = 'history-cdc archive export  # and `history-cdc archive verify`';
  if (!now.known) return notKnown(now.why, null);
  if (!archives.known) return notKnown(archives.why, exportIt);
  const { verified, legacyRows } = archives.value;
  if (verified === null)
    return notMet('there is no archive that was read back and found equal', {
      missing: 'a verified archive',
      fix: exportIt,
    });
  const { id, target, rows, snapshotAt, snapshotLsn, manifest, verifiedAt, changed } = verified;
  const evidence = `archive ${id} at ${target}: ${String(rows)} rows, snapshot ${snapshotLsn} of ${snapshotAt.toISOString()}, manifest ${manifest}, read back ${verifiedAt.toISOString()}`;
  const rest = { ids: [id], fix: exportIt };
  if (snapshotAt > now.value || verifiedAt > now.value)
    return unknown(evidence, { ...rest, missing: 'it is dated in the future: a clock is wrong' });
  if (changed > 0)
    return notMet(evidence, {
      ...rest,
      missing: `${String(changed)} rows changed after its snapshot`,
    });
  if (rows !== legacyRows)
    return notMet(evidence, {
      ...rest,
      missing: `the ledger knows ${String(legacyRows)} rows of the legacy table, and the archive has ${String(rows)}`,
    });
  return met(evidence, { ids: [id], since: verifiedAt });
}

interface Attesting {
  readonly condition: Attestable;
  readonly what: string;
  readonly days: (config: Config) => number;
}

/** A person says since when it is so. */
function attestedFor({ condition, what, days }: Attesting, facts: SoakFacts, config: Config): Judged {
  const { now, attestations } = facts;
  const fix = `history-cdc soak attest ${condition} --since TIME --by NAME --note TEXT`;
  if (!now.known) return notKnown(now.why, null);
  if (!attestations.known) return notKnown(attestations.why, null);
  const standing = attestations.value.find((one) => one.condition === condition);
  if (standing === undefined)
    return notMet(`nobody has attested ${what}`, { missing: 'an attestation', fix });
  const { id, since, performedBy, note } = standing;
  const evidence = `${performedBy} attests it since ${since.toISOString()}: ${note}`;
  const metAt = new Date(since.getTime() + days(config) * DAY_MS);
  const rest = { ids: [id], since, metAt };
  return metAt <= now.value
    ? attested(evidence, rest)
    : notMet(evidence, { ...rest, missing: `it counts from ${metAt.toISOString()} on`, fix: null });
}

export function readingCanonical(facts: SoakFacts, config: Config): Judged {
  const attesting = {
    condition: 'reading-canonical',
    what: 'since when the dashboards read the canonical tables',
    days: (settings: Config) => settings.SOAK_READ_DAYS,
  } as const;
  const judged = attestedFor(attesting, facts, config);
  return {
    ...judged,
    evidence: `${judged.evidence}; ${daysText(config, 'SOAK_READ_DAYS')}; ${scansText(facts)}`,
  };
}

function scansText({ reading }: SoakFacts): string {
  const scans = reading.known ? reading.value.readings.find(({ source }) => source === 'scans') : undefined;
  return scans === undefined
    ? 'the scans of the legacy table are not known'
    : `scans of the legacy table, ours among them: ${scans.counter}, last change seen ${scans.changedAt.toISOString()}`;
}

export function thirdPartyPlan(facts: SoakFacts, config: Config): Judged {
  const what = "where strangers' runs go from now on";
  return attestedFor({ condition: 'third-party-plan', what, days: () => 0 }, facts, config);
}
