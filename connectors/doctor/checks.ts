import { CANONICAL_CHECKS } from './canonical-checks.ts';
import type { Check } from './check.ts';
import { CLOCK_CHECKS } from './clock-checks.ts';
import { CONNECT_CHECKS } from './connect-checks.ts';
import { KAFKA_CHECKS } from './kafka-checks.ts';
import { LEGACY_TABLE_CHECKS } from './legacy-table-checks.ts';
import { REGISTRY_CHECKS } from './registry-checks.ts';
import { SERVER_CHECKS } from './server-checks.ts';
import { SLOT_CHECKS } from './slot-checks.ts';
import { SOURCE_CHECKS } from './source-checks.ts';
import { STREAM_CHECKS } from './stream-checks.ts';
import { CANONICAL_VISIBLE, LEGACY_VISIBLE } from './visible-rows-checks.ts';

/** Every check, in the order in which they are shown, and in which what is wrong should be mended. */
export const CHECKS: readonly Check[] = [
  ...SERVER_CHECKS,
  ...LEGACY_TABLE_CHECKS,
  ...SOURCE_CHECKS,
  ...LEGACY_VISIBLE,
  ...SLOT_CHECKS,
  ...KAFKA_CHECKS,
  ...CONNECT_CHECKS,
  ...STREAM_CHECKS,
  ...REGISTRY_CHECKS,
  ...CANONICAL_CHECKS,
  ...CANONICAL_VISIBLE,
  ...CLOCK_CHECKS,
];
