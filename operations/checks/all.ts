import { CANONICAL_CHECKS } from './canonical.ts';
import type { Check } from './check.ts';
import { CLOCK_CHECKS } from './clock.ts';
import { CONNECT_CHECKS } from './connect.ts';
import { CONTINUITY_CHECKS } from './continuity.ts';
import { KAFKA_CHECKS } from './kafka.ts';
import { LEDGER_CHECKS } from './ledger.ts';
import { LEGACY_TABLE_CHECKS } from './legacy-table.ts';
import { REGISTRY_CHECKS } from './registry.ts';
import { RETIREMENT_CHECKS } from './retirement.ts';
import { SERVER_CHECKS } from './server.ts';
import { SLOT_CHECKS } from './slot.ts';
import { SNAPSHOT_CHECKS } from './snapshot.ts';
import { SOURCE_CHECKS } from './source.ts';
import { STREAM_CHECKS } from './stream.ts';
import { VERIFICATION_CHECKS } from './verification.ts';
import { CANONICAL_VISIBLE, LEGACY_VISIBLE } from './visible-rows.ts';
import { WEBHOOK_CHECKS } from './webhook.ts';

/** Every check, in the order in which they are shown, and in which what is wrong should be mended. */
export const CHECKS: readonly Check[] = [
  ...SERVER_CHECKS,
  ...LEGACY_TABLE_CHECKS,
  ...SOURCE_CHECKS,
  ...LEGACY_VISIBLE,
  ...SLOT_CHECKS,
  ...KAFKA_CHECKS,
  ...CONNECT_CHECKS,
  ...CONTINUITY_CHECKS,
  ...STREAM_CHECKS,
  ...SNAPSHOT_CHECKS,
  ...REGISTRY_CHECKS,
  ...CANONICAL_CHECKS,
  ...CANONICAL_VISIBLE,
  ...LEDGER_CHECKS,
  ...VERIFICATION_CHECKS,
  ...RETIREMENT_CHECKS,
  ...WEBHOOK_CHECKS,
  ...CLOCK_CHECKS,
];
