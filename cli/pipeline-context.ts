import type { CheckContext } from '../operations/reconcile/checks.ts';
import type { PipelineContext } from '../consumers/agent-test-history/pipeline.ts';
import {
  assertSameSettings,
  decidingSettings,
} from '../consumers/agent-test-history/batch/deciding-settings.ts';
import { LiveWindowMeter } from '../consumers/agent-test-history/twins/live-window.ts';
import { matchingOf } from '../consumers/agent-test-history/twins/matching.ts';
import type { Databases } from './with-databases.ts';

/**
 * The context for the projector's stages in a command. Measures the live rows first. A command that `writes` must have the
 * settings of the projectors; a dry run may show what others would decide.
 */
export async function measuredContext(
  { config, canonical, legacy }: Databases,
  { writes }: { readonly writes: boolean },
): Promise<PipelineContext & { readonly graceSeconds: number; readonly meter: LiveWindowMeter }> {
  if (writes) await assertSameSettings(canonical, decidingSettings(config));
  const matching = matchingOf(config);
  const meter = new LiveWindowMeter(canonical, matching);
  await meter.measure();
  const { floorUs, firstLiveUs } = meter;
  return {
    canonical,
    legacy,
    optOutPolicy: config.OPT_OUT_POLICY,
    graceSeconds: config.OWNERSHIP_GRACE_HOURS * 3600,
    matching: { ...matching, floorUs, firstLiveUs },
    meter,
  };
}

/** The context for the comparisons of `reconcile`, except for the canonical database. */
export function checkContextOf({ config, legacy }: Databases): CheckContext {
  return {
    elsewhere: config.LEGACY_DATABASE_URL === config.DATABASE_URL ? undefined : legacy,
    windowUs: matchingOf(config).windowUs,
    retentionDays: config.CANONICAL_RETENTION_DAYS,
  };
}
