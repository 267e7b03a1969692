import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningConsole } from '../../operations/console/server.ts';
import { expectAccessible, expectFits, hasBrowser, PHONE, useBrowser, WIDE } from '../support/browser.ts';
import { runConsole } from '../support/running-console.ts';
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
  shown = await runConsole({ settings: scene.settings, actions: true });
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
});
