import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { grantToConsole } from '../../consumers/agent-test-history/schema/console-rights.ts';
import { CANONICAL_TABLES, LEGACY_TABLES } from '../../consumers/agent-test-history/schema/requirements.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import type { RunningConsole } from '../../operations/console/server.ts';
import { inserted } from '../support/records.ts';
import { runOf } from '../support/explained.ts';
import { runConsole } from '../support/running-console.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
const role = `console_${randomBytes(4).toString('hex')}`;
let superuser: Pool;
let own: Pool;
let running: RunningConsole;

/** A role that reads what the application's owner lets it read, and our schema by `--grant-console-to`. */
beforeAll(async () => {
  superuser = createPool({ url: world().superuserUrl, name: 'test', connections: 1 });
  await superuser.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
  await grantToConsole(world().pool, role);
  const tables: Readonly<Record<string, readonly string[]>>[] = [CANONICAL_TABLES, LEGACY_TABLES];
  for (const group of tables)
    for (const [table, columns] of Object.entries(group))
      await world().pool.query(`GRANT SELECT (${columns.join(', ')}) ON public.${table} TO ${role}`);
  const url = new URL(world().url);
  Object.assign(url, { username: role, password: 'secret' });
  own = createPool({ url: url.href, name: 'test', connections: 1 });
  running = await runConsole({ settings: { DATABASE_URL: url.href } });
});
afterAll(async () => {
  await running.close();
  await own.end();
  await superuser.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await superuser.end();
});

test('a role that may only read serves every page, and can write nothing', async () => {
  const owner = await world().owner();
  const row = runOf(owner);
  await world().legacyRow(row);
  await world().project([inserted(row)]);
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected' });
  for (const path of [
    '/',
    '/agents?q=example',
    `/agents/history?url=${encodeURIComponent(owner.url)}`,
    `/runs/${row.id}`,
    '/settings',
  ]) {
    const answer = await fetch(`${running.url}${path}`);
    expect([path, answer.status]).toEqual([path, 200]);
    const text = await answer.text();
    if (path === '/settings') expect(text).toContain('reads only');
    if (path.startsWith('/runs')) expect(text).toContain('projected');
    if (path.startsWith('/agents/')) expect(text).toContain(row.id);
  }
  for (const table of ['history_cdc.ledger', 'history_cdc.action', 'public.agent_compliance_runs'])
    await expect(own.query(`DELETE FROM ${table}`)).rejects.toMatchObject({ code: '42501' });
});
