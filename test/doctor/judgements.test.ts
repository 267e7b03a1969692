import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { FactValues } from '../../operations/facts/facts.ts';
import { CHECKS } from '../../operations/checks/all.ts';
import type { CheckResult } from '../../operations/checks/judge.ts';
import { diagnose } from '../../operations/doctor/doctor.ts';
import type { Config } from '../../lib/config.ts';
import { CONFIG, gathered, healthyFacts } from './healthy.ts';
import { isPasteable } from './fix-steps.ts';
import { patched } from './patched.ts';
import { RED } from './red-facts.ts';

/*
 * Every check against facts in which one thing is otherwise. That the facts are read rightly is for the tests with real
 * servers: real/seen.ts says where.
 */

/** What no line can mend that is pasted: settings that lead elsewhere, versions, machines. */
const IN_WORDS = new Set([
  ...[
    'legacy-version',
    'legacy-primary',
    'legacy-table',
    'legacy-key',
    'canonical-server',
    'canonical-tables',
  ],
  ...['topic-replicas', 'connect-version', 'connect-cluster', 'connect-plugin', 'registry-schemas'],
  ...['group-ours', 'clock-legacy', 'clock-canonical', 'clock-connect'],
]);

function resultOf(id: string, facts: FactValues, config: Config = CONFIG): CheckResult {
  const result = diagnose(gathered(facts), config, CHECKS).checks.find((each) => each.id === id);
  if (result === undefined) throw new Error(`there is no check ${id}`);
  return result;
}

test('where all is well, every check says so', () => {
  const report = diagnose(gathered(healthyFacts()), CONFIG, CHECKS);
  expect(report.checks.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
  expect(report).toMatchObject({ deployed: true, mayGoOn: true, first: null });
});

test('nothing is judged of tables that are not there', () => {
  const emptyLegacy = { there: false, missing: ['table public.agent_test_history'] };
  const facts = patched({
    legacyTable: emptyLegacy,
    canonical: { missing: ['table public.agent_compliance_runs'], runsByAgent: false },
    missingKeys: ['public.agent_compliance_runs (id)'],
  });
  const verdicts = (verdict: string) =>
    diagnose(gathered(facts), CONFIG, CHECKS).checks.flatMap((check) =>
      check.verdict === verdict ? check.id : [],
    );
  expect(verdicts('failed')).toEqual(['legacy-table', 'canonical-tables']);
  expect(verdicts('warning')).toEqual([]);
  expect(new Set(verdicts('unknown'))).toEqual(
    new Set([
      ...[
        'legacy-columns-sent',
        'legacy-key',
        'legacy-table-alone',
        'replica-identity',
        'legacy-rows-visible',
      ],
      ...['largest-row', 'canonical-index', 'unique-keys', 'projector-grants', 'canonical-rows-visible'],
      'connector-grants',
    ]),
  );
});

describe('is red, with a fix:', () => {
  test.each(RED)('%s (%s) %#', (...[id, verdict, patch, evidence]) => {
    const result = resultOf(id, patched(patch));
    expect(result).toMatchObject({ verdict, evidence: expect.stringContaining(evidence) as string });
    const fix = result.fix ?? '';
    expect(isPasteable(fix) ? 'to be pasted' : 'in words').toBe(
      IN_WORDS.has(id) ? 'in words' : 'to be pasted',
    );
    expect(fix.length).toBeGreaterThan(10);
  });

  test.each([
    ['wal-level', { server: { walLevel: 'replica' } }, 'wal_level=logical'],
    ['replication-slots-room', { slot: null, server: { slotsInUse: 10 } }, 'max_replication_slots=14'],
    ['wal-senders-room', { slot: null, server: { sendersInUse: 10 } }, 'max_wal_senders=14'],
    ['wal-cap', { server: { capMegabytes: -1 } }, 'max_slot_wal_keep_size=50GB'],
  ] as const)(
    '%s, of a setting on the command line, which ALTER SYSTEM would not change',
    (...[id, patch, says]) => {
      const facts = patched(patch);
      const onCommandLine = [
        'max_replication_slots',
        'max_slot_wal_keep_size',
        'max_wal_senders',
        'wal_level',
      ];
      const { fix } = resultOf(id, { ...facts, server: { ...facts.server, onCommandLine } });
      expect(fix).toMatch(/^# start Postgres with /);
      expect(fix).toContain(says);
    },
  );

  test.each([
    ['legacy-reachable', 'server'],
    ['kafka-reachable', 'brokers'],
    ['connect-reachable', 'worker'],
    ['registry-reachable', 'registry'],
    ['canonical-reachable', 'canonical'],
  ] as const)('%s, whose service does not answer', (id, area) => {
    const facts = gathered(healthyFacts(), { [area]: 'connect ECONNREFUSED' });
    const { checks, mayGoOn } = diagnose(facts, CONFIG, CHECKS);
    expect(checks.find((each) => each.id === id)).toMatchObject({
      verdict: 'failed',
      evidence: expect.stringContaining('ECONNREFUSED') as string,
    });
    const others = checks.filter(({ verdict }) => verdict === 'failed');
    expect(others).toHaveLength(1);
    expect(mayGoOn).toBe(false);
  });

  test('registry-pair, where one of the two is missing', () => {
    const config = { ...CONFIG, SCHEMA_REGISTRY_URL: undefined };
    expect(resultOf('registry-pair', healthyFacts(), config).verdict).toBe('failed');
  });

  test('and so is every check there is', () => {
    const reachable = ['legacy', 'kafka', 'connect', 'registry', 'canonical'].map(
      (one) => `${one}-reachable`,
    );
    const red = new Set([...RED.map(([id]) => id), ...reachable, 'registry-pair']);
    expect(CHECKS.map(({ id }) => id).filter((id) => !red.has(id))).toEqual([]);
  });
});

test('a check that only warns never fails, and so never keeps anybody from going on', () => {
  const warns = new Set(CHECKS.filter(({ severity }) => severity === 'warning').map(({ id }) => id));
  expect(RED.filter(([id, verdict]) => warns.has(id) && verdict === 'failed')).toEqual([]);
  const facts = patched({ legacyClock: { aheadSeconds: 60 } });
  expect(diagnose(gathered(facts), CONFIG, CHECKS)).toMatchObject({
    mayGoOn: true,
    first: { id: 'clock-legacy' },
  });
});

test('an error that cannot be ruled out keeps one from going on; a warning that cannot, does not', () => {
  const facts = healthyFacts();
  expect(diagnose(gathered(facts, { walRate: 'timeout' }), CONFIG, CHECKS).mayGoOn).toBe(false);
  expect(diagnose(gathered(facts, { sessions: 'timeout' }), CONFIG, CHECKS).mayGoOn).toBe(true);
});

test('during the initial snapshot no heartbeat is written, and nobody is alarmed', () => {
  const facts = patched({
    observed: { heartbeat: undefined, history: { initial: 'running', runs: [] } },
    heartbeatRow: { kind: 'no_row' },
  });
  const report = diagnose(gathered(facts), CONFIG, CHECKS);
  const others = report.checks.filter(({ verdict }) => verdict !== 'ok');
  expect(others.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual(['initial-snapshot warning']);
  expect(report.mayGoOn).toBe(true);
});

describe('before anything is deployed', () => {
  const nothing = patched({
    server: { system: null, timeline: null },
    slot: null,
    publication: null,
    ourTables: { signal: { there: false, missing: [] }, heartbeat: { there: false, missing: [] } },
    connectorRole: null,
    heartbeatRow: { kind: 'no_table' },
    topics: { there: [], replicas: [] },
    connector: { config: undefined, status: undefined },
    storedOffset: { lsn: null, snapshot: undefined },
    registry: { schemas: [{ subject: 's', there: false, problem: undefined }] },
    ledgerSchema: { kind: 'absent' },
    projectorRole: { schemaThere: false },
    missingKeys: ['history_cdc.ledger (legacy_id)'],
    projection: { topics: [], offsets: [] },
    legacyRows: 0,
    decisions: undefined,
    twins: undefined,
    sweeps: undefined,
    verdicts: undefined,
    quarantine: undefined,
  });
  const bare = { ...nothing, dataTopic: undefined, observed: undefined };

  test('what is not there is not there yet, one may go on, and is told the first step', () => {
    const report = diagnose(gathered(bare), CONFIG, CHECKS);
    const bad = report.checks.filter(({ verdict }) => verdict !== 'ok' && verdict !== 'not_yet');
    expect(bad).toEqual([]);
    expect(report).toMatchObject({ deployed: false, mayGoOn: true });
    expect(report.first?.fix).toContain('history-cdc connector sql');
  });

  test('what a person must mend comes before the first step', () => {
    const facts = { ...bare, server: { ...bare.server, walLevel: 'replica' } };
    expect(diagnose(gathered(facts), CONFIG, CHECKS)).toMatchObject({
      mayGoOn: false,
      first: { id: 'wal-level' },
    });
  });

  test('the same state with a slot left over is a loss, not a beginning', () => {
    const facts = { ...bare, slot: healthyFacts().slot };
    const { deployed, checks } = diagnose(gathered(facts), CONFIG, CHECKS);
    expect(deployed).toBe(true);
    const failed = checks.filter(({ verdict }) => verdict === 'failed').map(({ id }) => id);
    expect(failed).toEqual(expect.arrayContaining(['publication', 'topics-exist', 'connector-exists']));
  });
});

test('docs/doctor.md says of every check what to do, and of no other', () => {
  const page = readFileSync(new URL('../../docs/doctor.md', import.meta.url), 'utf8');
  const named = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, id]) => id);
  expect(named).toEqual(CHECKS.map(({ id }) => id));
});
