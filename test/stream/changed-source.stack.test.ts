import { describe, expect, test } from 'vitest';
import { insertRuns, insertStory, seedOrganisations } from '../support/application-rows.ts';
import { usePipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const id = (n: number) => `20000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const ROW = id(1);
const STORY = 'the summary of the story';

describe.each(['json', 'avro'] as const)(
  'a source that changes under a running stream, in %s',
  (converter) => {
    const pipeline = usePipeline({
      converter,
      seed: async (pool) => {
        await seedOrganisations(pool);
        await insertRuns(pool, 1, 20);
        await insertStory(pool, { id: ROW, summary: STORY });
      },
    });
    const ledger = (legacyId: string) =>
      pipeline().query<{ decision: string; reason: string; canonical_run_id: string | null }>(
        'SELECT decision, reason, canonical_run_id FROM history_cdc.ledger WHERE legacy_id = $1',
        [legacyId],
      );
    const canonical = (runId: string) =>
      pipeline().query('SELECT headline, tracks_passed FROM agent_compliance_runs WHERE id = $1', [runId]);
    /** Changes the source, and waits until Debezium has written so many records more. */
    async function changing(statements: readonly string[], records: number): Promise<void> {
      const before = await pipeline().records();
      for (const statement of statements) await pipeline().query(statement);
      await until('the change is in the topic', async () => (await pipeline().records()) >= before + records);
    }
    const project = (...args: string[]) =>
      pipeline().run(['project', '--until-caught-up', ...args], { QUARANTINE_MAX_SHARE: '1' });

    test('a changed primary key is one run: its canonical row goes to the new key', async () => {
      await pipeline().project();
      const [was] = await ledger(ROW);
      expect(was?.decision).toBe('projected');
      await changing([`UPDATE agent_test_history SET id = '${id(2)}' WHERE id = '${ROW}'`], 3);
      await pipeline().project();
      expect(await ledger(ROW)).toMatchObject([
        { decision: 'gone', reason: 'key_changed', canonical_run_id: null },
      ]);
      expect(await ledger(id(2))).toEqual([was]);
      expect(
        await pipeline().value(
          "SELECT count(*)::int FROM agent_compliance_runs WHERE observations_json ->> 'backfill_source_id' IN ($1, $2)",
          [ROW, id(2)],
        ),
      ).toBe(1);
      expect((await pipeline().run(['reconcile'])).code).toBe(0);
      expect((await pipeline().facts(['replay'])).changes.total).toBe(0);
    });

    test('a new column, and one that is dropped and that nobody reads, change nothing', async () => {
      await changing(
        [
          'ALTER TABLE agent_test_history ADD COLUMN added text',
          'ALTER TABLE agent_test_history DROP COLUMN brief',
          `UPDATE agent_test_history SET steps_passed = 5 WHERE id = '${id(2)}'`,
        ],
        1,
      );
      const { records } = await pipeline().project();
      expect(records).toMatchObject({ applied: 1, quarantined: 0 });
    });

    test('a renamed column stops the projector; the printed way out brings everything back', async () => {
      const [entry] = await ledger(id(2));
      const runId = entry?.canonical_run_id ?? '';
      await changing(
        [
          'ALTER TABLE agent_test_history RENAME COLUMN summary TO renamed',
          `UPDATE agent_test_history SET steps_passed = 6 WHERE id = '${id(2)}'`,
        ],
        1,
      );
      for (let start = 0; start < 2; start++) {
        const { code, stderr } = await project();
        expect({ code, stderr }).toMatchObject({
          code: 2,
          stderr: expect.stringMatching(/^error SCHEMA_UNUSABLE: .*summary is missing/m) as unknown,
        });
      }
      expect(await canonical(runId)).toEqual([{ headline: STORY, tracks_passed: 5 }]);
      const doctor = () => pipeline().run(['doctor', '--only', 'legacy-table,registry-schemas', '--json']);
      const { code, stdout } = await doctor();
      expect(code).toBe(1);
      expect(stdout).toContain('public.agent_test_history.summary');

      await pipeline().query('ALTER TABLE agent_test_history RENAME COLUMN renamed TO summary');
      // The connector writes with the first schema again, and the registry's newest one is still that of the change.
      expect((await doctor()).code).toBe(0);
      expect((await project()).code).toBe(2);
      expect((await project('--park-unusable-schema')).code).toBe(0);
      expect((await pipeline().run(['quarantine', 'list', '--check'])).code).toBe(1);
      expect(await canonical(runId)).toEqual([{ headline: STORY, tracks_passed: 5 }]);
      const before = await pipeline().records();
      await pipeline().asDba('GRANT USAGE ON SCHEMA history_cdc_source TO app');
      await pipeline().asDba('GRANT SELECT, INSERT ON history_cdc_source.signal TO app');
      await pipeline().asDba('GRANT SELECT ON history_cdc_source.heartbeat TO app');
      const started = await pipeline().run(['snapshot', 'start']);
      expect(started).toMatchObject({ code: 0, stderr: '' });
      await until('the snapshot has read the row', async () => (await pipeline().records()) >= before + 21);
      expect((await project()).code).toBe(0);
      expect(await canonical(runId)).toEqual([{ headline: STORY, tracks_passed: 6 }]);
      expect((await pipeline().run(['quarantine', 'list', '--check'])).code).toBe(0);
    });
  },
);
