/** A column of the nth run of a kind, among those of which the condition holds. */
const of = (column: string, kind: string, { where = 'true', n = 0 } = {}) =>
  `(SELECT ${column} FROM truth.known WHERE kind = '${kind}' AND ${where} ORDER BY run OFFSET ${String(n)} LIMIT 1)`;
export const legacyOf = (kind: string, which?: { where?: string; n?: number }) =>
  of('legacy_id', kind, which);
const liveOf = (kind: string, which?: { where?: string; n?: number }) => of('live_id', kind, which);

const link = (legacy: string, canonical: string, decision = 'twin') =>
  `UPDATE history_cdc.ledger SET decision = '${decision}', is_member = true, lists_agent = true, canonical_run_id = ${canonical}
   WHERE legacy_id = ${legacy}`;
export const unlink = (legacy: string, decision: string) =>
  `UPDATE history_cdc.ledger SET decision = '${decision}', canonical_run_id = NULL WHERE legacy_id = ${legacy}`;
export const deleteOurs = (legacy: string) => `
  DELETE FROM agent_compliance_runs
  WHERE observations_json ->> 'backfill_script' = 'history-cdc' AND observations_json ->> 'backfill_source_id' = ${legacy}::text`;
/** A canonical row of ours, beside whatever stands for the row already. */
const project = (legacy: string, id = 'gen_random_uuid()') => `
  INSERT INTO agent_compliance_runs (id, agent_url, lifecycle_stage, overall_status, triggered_by, tested_at, observations_json)
  VALUES (${id}, 'https://north-1.example/mcp', 'testing', 'passing', 'owner_test', now(),
          jsonb_build_object('backfill_source', 'agent_test_history', 'backfill_script', 'history-cdc', 'backfill_source_id', ${legacy}))`;
const changeLive = (assignment: string) =>
  `UPDATE agent_compliance_runs SET ${assignment} WHERE id = ${liveOf('new pod')}`;
/** Two runs of a kind get each other's live row. */
export const exchangeLinks = (kind: string, where = 'legacy_id IS NOT NULL AND live_id IS NOT NULL') => {
  const [first, second] = [{ where }, { where, n: 1 }];
  return [
    link(legacyOf(kind, first), 'gen_random_uuid()'),
    link(legacyOf(kind, second), liveOf(kind, first)),
    link(legacyOf(kind, first), liveOf(kind, second)),
  ];
};
/** Conditions on identical runs: two that are both live, and one of two. */
export const identicalDuals = `alike = (SELECT alike FROM truth.known WHERE kind = 'identical' AND decision = 'twin' GROUP BY alike HAVING count(*) = 2 LIMIT 1)`;
const firstOfTwo = `alike = (SELECT alike FROM truth.known WHERE kind = 'identical' GROUP BY alike HAVING count(*) FILTER (WHERE decision = 'twin') = 1 LIMIT 1)`;
const straggler = legacyOf('live write failed');
const strangers = legacyOf('stranger beside owner', { where: "standing = 'third_party'" });
const OURS = "'0fa17500-0000-4000-8000-000000000001'";

/** What a faulty projector might leave behind, and what the check has to say about it. */
interface Fault {
  readonly fault: string;
  readonly breakage: readonly string[];
  readonly found: readonly string[];
}

const DOUBLED: readonly Fault[] = [
  {
    fault: 'a run is projected twice',
    breakage: [project(straggler)],
    found: ['doubled', 'doubled', 'row of ours without its link'],
  },
  {
    fault: 'a run that is live is projected, too',
    breakage: [project(legacyOf('dual write'))],
    found: ['doubled', 'row of ours without its link'],
  },
  {
    fault: 'a live row that came late was not absorbed',
    breakage: [
      project(legacyOf('deleted before live commits'), OURS),
      link(legacyOf('deleted before live commits'), OURS, 'projected'),
    ],
    found: ['doubled'],
  },
  {
    fault: 'one of two identical runs is projected beside its live row',
    breakage: [project(legacyOf('identical', { where: identicalDuals }))],
    found: ['doubled', 'row of ours without its link'],
  },
  {
    fault: 'two rows that nobody can tell to be one run stand without a word to anybody',
    breakage: [
      `UPDATE history_cdc.ledger SET reason = 'owner' WHERE legacy_id = ${legacyOf('weak, without profiles')}`,
    ],
    found: ['doubled'],
  },
];

const LOST: readonly Fault[] = [
  {
    fault: 'a straggler has no canonical row',
    breakage: [deleteOurs(straggler)],
    found: ['link to no canonical row', 'lost', 'projected without a row of ours'],
  },
  {
    fault: 'a straggler was skipped',
    breakage: [deleteOurs(straggler), `DELETE FROM history_cdc.ledger WHERE legacy_id = ${straggler}`],
    found: ['lost', 'not in the ledger', "owner's row without a link"],
  },
  {
    fault: 'a straggler is taken for an orphan',
    breakage: [deleteOurs(straggler), unlink(straggler, 'orphaned')],
    found: ['lost', "owner's row without a link"],
  },
  {
    fault: 'a straggler is taken for a stranger’s run',
    breakage: [deleteOurs(straggler), unlink(straggler, 'third_party')],
    found: ['lost', "owner's row without a link"],
  },
  {
    fault: 'one of two identical runs has no canonical row',
    breakage: [deleteOurs(legacyOf('identical', { where: `${firstOfTwo} AND decision = 'projected'` }))],
    found: ['link to no canonical row', 'lost', 'projected without a row of ours'],
  },
  {
    fault: 'the live row of a twin is gone',
    breakage: [`DELETE FROM agent_compliance_runs WHERE id = ${liveOf('dual write')}`],
    found: ['link to no canonical row', 'live row gone', 'lost'],
  },
];

const ELEVATED: readonly Fault[] = [
  {
    fault: 'a stranger’s run is projected',
    breakage: [project(strangers, OURS), link(strangers, OURS, 'projected')],
    found: ['decided as projected, is third_party', 'elevated', 'projected row differs from the legacy row'],
  },
  {
    fault: 'a stranger’s run is projected, and the ledger does not know',
    breakage: [project(strangers)],
    found: ['elevated', 'row of ours without its link'],
  },
  {
    fault: 'a stranger’s run is linked to the owner’s live row',
    breakage: [
      link(
        legacyOf('outsider in the context', { where: "standing = 'third_party'" }),
        liveOf('outsider in the context', { where: "standing = 'owner'" }),
      ),
    ],
    found: ['decided as twin, is third_party', 'elevated'],
  },
  {
    fault: 'nobody’s run is projected',
    breakage: [project(legacyOf('anonymous in the context', { where: "standing = 'anonymous'" }))],
    found: ['elevated', 'row of ours without its link'],
  },
  {
    fault: 'a run on an agent that opted out is projected',
    breakage: [project(legacyOf('opts out', { where: "standing = 'opted_out'" }))],
    found: ['opted out and projected', 'row of ours without its link'],
  },
  {
    fault: 'something is projected that never was',
    breakage: [project('gen_random_uuid()')],
    found: ['row of ours for nothing', 'row of ours without its link'],
  },
];

const LINKS: readonly Fault[] = [
  {
    fault: 'two twins have each other’s live row',
    breakage: exchangeLinks('dual write'),
    found: ['impossible twin', 'impossible twin', 'twin of another run', 'twin of another run'],
  },
  {
    fault: 'a straggler is taken for the twin of another run',
    breakage: [deleteOurs(straggler), link(straggler, liveOf('new pod'))],
    found: ['impossible twin', 'lost', 'twin of another run'],
  },
  {
    fault: 'a straggler is taken for the twin of a heartbeat',
    breakage: [
      deleteOurs(legacyOf('heartbeat beside owner')),
      link(
        legacyOf('heartbeat beside owner'),
        '(SELECT live_id FROM truth.live_row WHERE run IS NULL LIMIT 1)',
      ),
    ],
    found: ['impossible twin', 'lost', 'twin of no live row'],
  },
  {
    fault: 'a run is taken for the same run of two minutes later',
    breakage: [
      deleteOurs(legacyOf('same again after minutes', { where: 'legacy_id IS NOT NULL' })),
      link(
        legacyOf('same again after minutes', { where: 'legacy_id IS NOT NULL' }),
        liveOf('same again after minutes', { where: 'live_id IS NOT NULL' }),
      ),
    ],
    found: ['impossible twin', 'lost', 'twin of another run'],
  },
  {
    fault: 'two rows are paired of which nothing says that they are one run',
    breakage: [
      deleteOurs(legacyOf('weak, without profiles')),
      link(legacyOf('weak, without profiles'), liveOf('weak, without profiles')),
    ],
    found: ['impossible twin'],
  },
  {
    fault: 'the ledger knows of a row that never was',
    breakage: [
      `INSERT INTO history_cdc.ledger (legacy_id, decision, reason, rule_version, topic_id, partition, "offset", op, snapshot)
       VALUES (gen_random_uuid(), 'gone', 'invented', 1, gen_random_uuid(), 0, 0, 'd', false)`,
    ],
    found: ['in the ledger, and never was'],
  },
];

const ROWS: readonly Fault[] = [
  {
    fault: 'a live row has another headline',
    breakage: [changeLive("headline = 'touched'")],
    found: ['live row changed'],
  },
  {
    fault: 'a record could not be read',
    breakage: [
      `INSERT INTO history_cdc.quarantine (topic_id, partition, "offset", reason, detail) VALUES (gen_random_uuid(), 0, 0, 'x', 'x')`,
    ],
    found: ['record in quarantine'],
  },
  {
    fault: 'a live row was written again, with the same values',
    breakage: [changeLive('headline = headline')],
    found: ['live row changed'],
  },
  {
    fault: 'a live row has another number in its tracks, equal as jsonb',
    breakage: [changeLive(`tracks_json = '[{"track": "core", "weight": 1}]'`)],
    found: ['live row changed'],
  },
  {
    fault: 'a canonical row appeared',
    breakage: [
      `INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, triggered_by)
       VALUES ('https://north-1.example/mcp', 'testing', 'passing', 'owner_test')`,
    ],
    found: ['live row that nobody wrote'],
  },
  {
    fault: 'a verdict was written again',
    breakage: [
      `UPDATE agent_compliance_status SET status = status WHERE agent_url = 'https://private-1.example/mcp'`,
    ],
    found: ['verdict touched', 'verdict touched'],
  },
  {
    fault: 'an agent got a verdict',
    breakage: [`INSERT INTO agent_compliance_status (agent_url) VALUES ('https://quiet-1.example/mcp')`],
    found: ['verdict touched'],
  },
  {
    fault: 'a projected row says another time',
    breakage: [
      `UPDATE agent_compliance_runs SET tested_at = tested_at + interval '1 microsecond' WHERE id = ${of('our_id', 'live write failed')}`,
    ],
    found: ['projected row differs from the legacy row'],
  },
  {
    fault: 'a moved row stayed at its former agent',
    breakage: [
      `UPDATE agent_compliance_runs SET agent_url = 'https://south-1.example/mcp.former' WHERE id = ${of('our_id', 'moved')}`,
    ],
    found: ['projected row differs from the legacy row'],
  },
];

export const FAULTS = [...DOUBLED, ...LOST, ...ELEVATED, ...LINKS, ...ROWS];
