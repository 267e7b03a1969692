import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import { check } from './check.ts';
import { judgeHidden } from '../facts/visible-rows.ts';

export const LEGACY_VISIBLE = [
  check({
    id: 'legacy-rows-visible',
    group: 'source',
    severity: 'error',
    title:
      "no policy, view or foreign table hides rows of agent_test_history from us or from the connector's role",
    needs: ['legacyHidden'],
    judge: ({ legacyHidden }, { config }) => judgeHidden(legacyHidden, connectorRole(config)),
  }),
];

export const CANONICAL_VISIBLE = [
  check({
    id: 'canonical-rows-visible',
    group: 'canonical',
    severity: 'error',
    title: 'no policy, view or foreign table hides rows from the roles that read the canonical database',
    needs: ['canonicalHidden'],
    judge: ({ canonicalHidden }) => judgeHidden(canonicalHidden),
  }),
];
