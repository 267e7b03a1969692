import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningConsole } from '../../operations/console/server.ts';
import { expectAccessible, expectFits, hasBrowser, PHONE, useBrowser, WIDE } from '../support/browser.ts';
import { runConsole } from '../support/running-console.ts';
import { aRow, PLACEHOLDER, updated } from '../support/records.ts';
import { until } from '../support/until.ts';
import { HOSTILE, openScene, type Scene } from './scene.ts';

const visit = useBrowser();
let scene: Scene;
let shown: RunningConsole;
let record: string;
beforeAll(async () => {
  scene = await openScene();
  const { rows } = await scene.world.pool.query<{ id: string }>(
    'SELECT id::text FROM history_cdc.quarantine',
  );
  record = `/quarantine/${rows[0]?.id ?? ''}`;
  shown = await runConsole({
    settings: { ...scene.settings, UNAVAILABLE_PLACEHOLDER: PLACEHOLDER },
    actions: true,
  });
});
afterAll(async () => {
  await shown.close();
  await scene.close();
});

async function signedIn(options: Parameters<typeof visit>[0]) {
  const opened = await visit(options);
  await opened.page.goto(shown.signInUrl ?? '');
  await opened.page.getByLabel('name').fill(`Ada ${HOSTILE}`.slice(0, 90));
  await opened.page.getByRole('button', { name: 'Sign in' }).click();
  await opened.page.waitForURL(`${shown.url}/`);
  return opened;
}

describe.skipIf(!hasBrowser)('a page with actions', () => {
  test.each([
    ['light', WIDE],
    ['dark', PHONE],
  ] as const)('is accessible, fits and breaks no rule of its policy: %s', async (colorScheme, viewport) => {
    const { page, faults, close } = await signedIn({ colorScheme, viewport });
    for (const path of ['/quarantine', record, '/findings', '/snapshots', '/soak', '/requests']) {
      await page.goto(shown.url + path);
      const folder = process.env['CONSOLE_PICTURES'];
      if (folder !== undefined)
        await page.screenshot({
          path: `${folder}/${path.replaceAll('/', '-')}-${colorScheme}.png`,
          fullPage: true,
        });
      await expectAccessible(page);
      await expectFits(page);
    }
    expect(faults).toEqual([]);
    await close();
  });

  test('retries a parked record by keyboard: the dry run first, and the page shows what came of it', async () => {
    const { page, faults, close } = await signedIn({});
    await page.goto(shown.url + record);
    await page.getByRole('button', { name: 'Try to retry it (dry run)' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/requests\/\d+$/);
    await page.getByText(/^dry run: done/).waitFor({ timeout: 60_000 });
    await page.goto(shown.url + record);
    await page.getByLabel('Why nothing is lost').fill(HOSTILE);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/requests\/\d+$/);
    await page.getByText('done', { exact: true }).waitFor({ timeout: 60_000 });
    await page.goto(`${shown.url}/quarantine?all=yes`);
    const { rows } = await scene.world.pool.query('SELECT waive_reason FROM history_cdc.quarantine');
    expect(rows).toEqual([{ waive_reason: HOSTILE }]);
    expect(await page.locator('main').textContent()).toContain('waived');
    expect(faults).toEqual([]);
    await close();
  });

  test('retries what is parked until it is gone, also if the browser is closed meanwhile', async () => {
    const { world } = scene;
    const owner = await world.owner('https://retried.example/mcp');
    const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
    await world.project([updated(row, 'summary')]);
    await world.legacyRow(row);
    const first = await signedIn({});
    await first.page.goto(`${shown.url}/quarantine`);
    const line = first.page.locator('tr', { hasText: row.id });
    await line.getByRole('link').first().click();
    await first.page.getByRole('button', { name: 'Try to retry it (dry run)' }).click();
    await first.page.getByText(/^dry run: done/).waitFor({ timeout: 60_000 });
    await first.page.getByRole('button', { name: 'Apply exactly this' }).click();
    await first.page.waitForURL(/\/requests\/\d+$/);
    const request = first.page.url();
    expect(first.faults).toEqual([]);
    await first.close();
    const second = await signedIn({});
    await second.page.goto(request);
    await second.page.getByText('done', { exact: true }).first().waitFor({ timeout: 60_000 });
    await second.page.goto(`${shown.url}/quarantine`);
    expect(await second.page.locator('tr', { hasText: row.id }).count()).toBe(0);
    expect(await world.ledger(row.id)).toMatchObject({ decision: 'projected' });
    expect(second.faults).toEqual([]);
    await second.close();
  });

  test('attests, takes back, and explains the incident of a record that was waived', async () => {
    const { page, faults, close } = await signedIn({});
    const done = async () => {
      await page.waitForURL(/\/requests\/\d+$/);
      await page.getByText('done', { exact: true }).first().waitFor({ timeout: 60_000 });
    };
    await page.goto(`${shown.url}/soak`);
    await page.getByLabel('Since when third-party-plan is so').fill('2026-11-01');
    await page.getByLabel('What third-party-plan rests on').fill('a plan');
    await page.getByRole('button', { name: 'Attest third-party-plan' }).click();
    await done();
    await page.goto(`${shown.url}/soak`);
    expect(await page.locator('main').textContent()).toContain('a plan');
    await page.getByLabel('Why third-party-plan is not so any more').fill('rolled back');
    await page.getByRole('button', { name: 'Take third-party-plan back' }).click();
    await done();
    const { rows } = await scene.world.pool.query('SELECT revoked FROM history_cdc.attestation ORDER BY id');
    expect(rows).toEqual([{ revoked: false }, { revoked: true }]);
    // The look of a moment ago may be shown once more.
    const explain = page.getByRole('button', { name: /^Explain \d+$/ }).first();
    await until('the incident can be explained', async () => {
      await page.goto(`${shown.url}/soak`);
      return (await explain.count()) > 0;
    });
    const id = /\d+/.exec((await explain.textContent()) ?? '')?.[0] ?? '';
    await page.getByLabel(`Why incident ${id} does not count`).fill('a test parked it');
    await explain.click();
    await done();
    const { rows: explained } = await scene.world.pool.query(
      "SELECT reason FROM history_cdc.incident_event WHERE incident_id = $1 AND event = 'explained'",
      [id],
    );
    expect(explained).toEqual([{ reason: 'a test parked it' }]);
    expect(faults).toEqual([]);
    await close();
  });
});
