/**
 * Says why a legacy row and a live row are twins or not. The judgement is the matcher's own (`likeness`); this adds the
 * fields in which the two rows differ, which the matcher does not need.
 */
import { fingerprintOf, type Fingerprinted } from '../../consumers/agent-test-history/rule/fingerprint.ts';
import {
  likeness,
  type LegacyRun,
  type LiveRun,
} from '../../consumers/agent-test-history/twins/match-twin.ts';
import type { CandidateTwin } from './report.ts';

/** A legacy row beside live rows. */
export interface ComparableLegacy extends Omit<LegacyRun, 'fingerprint'> {
  /** Null if the values of the row no longer exist anywhere. */
  readonly values: Fingerprinted | null;
  /** As the ledger has it; used if there are no values. */
  readonly fingerprint: string | null;
}

export interface ComparableLive extends Omit<LiveRun, 'fingerprint'> {
  readonly values: Fingerprinted;
  /** The legacy row that the ledger links it to. */
  readonly holder: string | null;
}

/** The comparison without an id, because either side may be the explained one. */
export function compareTwin(
  legacy: ComparableLegacy,
  live: ComparableLive,
  windowUs: bigint,
): Omit<CandidateTwin, 'id'> {
  const common = { distance_seconds: Number(live.testedAtUs - legacy.startedAtUs) / 1_000_000 };
  const fingerprint = legacy.values === null ? legacy.fingerprint : fingerprintOf(legacy.values);
  if (fingerprint === null) {
    const why = 'cannot be compared: the values of the legacy row are gone';
    return { ...common, is: 'not_comparable', differs_in: [], why };
  }
  const differsIn = differences(legacy, live, fingerprint);
  const like = likeness(
    { ...legacy, fingerprint },
    { ...live, fingerprint: fingerprintOf(live.values) },
    windowUs,
  );
  const different = differsIn.length > 0 ? `differs in ${differsIn.join(', ')}` : null;
  const of = (is: CandidateTwin['is'], why: string) => ({ ...common, is, differs_in: differsIn, why });
  if (live.holder === legacy.legacyId)
    return of(
      'linked',
      different === null ? 'linked to each other' : `linked to each other; by now it ${different}`,
    );
  if (live.holder !== null) {
    const taken = `linked to legacy row ${live.holder}`;
    return of('taken', different === null ? taken : `${different}; ${taken}`);
  }
  if (like === 'different') return of('different', different ?? 'outside the match window');
  if (like === 'weak')
    return of(
      'weak',
      'no headline and no duration on either side, and no equal profiles: that is too little to tell whether they are one run',
    );
  return of(
    'match',
    'agrees in headline, duration, verdict and all else that is compared; linked to no legacy row',
  );
}

function differences(legacy: ComparableLegacy, live: ComparableLive, fingerprint: string): string[] {
  const { profileHash, organizationId } = live;
  const profileDiffers =
    legacy.profileHash !== null && profileHash !== null && legacy.profileHash !== profileHash;
  return [
    ...fingerprintDifferences(legacy.values, live.values, fingerprint),
    ...(profileDiffers ? ['agent profile'] : []),
    ...(organizationId !== null && organizationId !== legacy.organizationId ? ['organisation'] : []),
  ];
}

function fingerprintDifferences(
  legacy: Fingerprinted | null,
  live: Fingerprinted,
  fingerprint: string,
): string[] {
  // Only the hash of the legacy row is left.
  if (legacy === null) return fingerprint === fingerprintOf(live) ? [] : ['headline, duration or verdict'];
  return [
    ...(legacy.headline === live.headline ? [] : ['headline']),
    ...((legacy.totalDurationMs ?? 0) === (live.totalDurationMs ?? 0) ? [] : ['duration']),
    ...(legacy.passing === live.passing ? [] : ['verdict']),
  ];
}
