import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aRow, inserted } from '../support/records.ts';
import { expectAccessible, expectFits, hasBrowser, PHONE, useBrowser, WIDE } from '../support/browser.ts';
import { runConsole, TOKEN } from '../support/running-console.ts';
import type { RunningConsole } from '../../operations/console/server.ts';
import { HOSTILE, openScene, type Scene } from './scene.ts';

const visit = useBrowser();
let scene: Scene;
let shown: RunningConsole;
beforeAll(async () => {
  scene = await openScene();
  shown = await runConsole({ settings: scene.settings });
});
afterAll(async () => {
  await shown.close();
  await scene.close();
});

const PAGES: readonly (readonly [string, (scene: Scene) => string])[] = [
  ['overview', () => '/'],
  ['a projected run', ({ projected }) => `/runs/${projected}`],
  ['a twin', ({ twin }) => `/runs/${twin}`],
  ['a parked record', ({ parked }) => `/runs/${parked}`],
  ['hostile values', ({ hostile }) => `/runs/${hostile}`],
  ['agents', () => '/agents'],
  ['the quarantine', () => '/quarantine'],
  ['findings', () => '/findings'],
  ['snapshots', () => '/snapshots'],
  ['the soak', () => '/soak'],
  ['settings', () => '/settings'],
  ['the runbook', () => '/handbook/runbook'],
];

describe.skipIf(!hasBrowser).each(PAGES)('%s', (_, pathOf) => {
  test.each([
    ['light', WIDE],
    ['dark', PHONE],
  ] as const)('is accessible, fits and breaks no rule of its policy: %s', async (colorScheme, viewport) => {
    const { page, faults, close } = await visit({ colorScheme, viewport });
    const answer = await page.goto(`${shown.url}${pathOf(scene)}`);
    expect(answer?.status()).toBe(200);
    await page.locator('h1').waitFor();
    await expectAccessible(page);
    await expectFits(page);
    expect(faults).toEqual([]);
    await close();
  });
});

describe.skipIf(!hasBrowser)('a visitor', () => {
  test('sees a new decision without loading the page again', { timeout: 180_000 }, async () => {
    const { page, close } = await visit();
    await page.goto(shown.url);
    const sum = page.locator('.decisions tfoot td').first();
    const before = Number(await sum.textContent());
    const owner = await scene.world.owner();
    const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
    await scene.world.legacyRow(row);
    await scene.world.project([inserted(row)]);
    // The decisions are counted again after a rest of at most half a minute.
    await sum.filter({ hasText: String(before + 1) }).waitFor({ timeout: 120_000 });
    await close();
  });

  test('sees the same without JavaScript', async () => {
    const { page, close } = await visit({ javaScriptEnabled: false });
    await page.goto(shown.url);
    await page.locator('.decisions tfoot').waitFor();
    await page.goto(`${shown.url}/runs/${scene.twin}`);
    expect(await page.locator('.hero').textContent()).toContain('twin');
    await close();
  });

  test('is told that a page is old whose console is silent', async () => {
    const silent = await runConsole({ settings: scene.settings });
    const { page, close } = await visit();
    await page.goto(silent.url);
    await page.locator('.decisions tfoot').waitFor();
    await silent.close();
    expect(await page.locator('.stale').isVisible()).toBe(false);
    await page.evaluate('document.getAnimations().forEach((animation) => animation.finish())');
    expect(await page.locator('.stale').isVisible()).toBe(true);
    await close();
  });

  test('finds a run with the keyboard alone', async () => {
    const { page, close } = await visit();
    await page.goto(`${shown.url}/settings`);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
    await page.goto(`${shown.url}/settings`);
    // Skip link, name of the product, search.
    for (let stops = 0; stops < 3; stops++) await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.name')).toBe('q');
    await page.keyboard.type(scene.projected);
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/runs/${scene.projected}`);
    expect(await page.locator('.hero .badge').textContent()).toBe('projected');
    await close();
  });

  test('reads hostile values as text', async () => {
    const { page, faults, close } = await visit();
    await page.goto(`${shown.url}/runs/${scene.hostile}`);
    expect(await page.getByText(HOSTILE, { exact: true }).count()).toBeGreaterThan(1);
    expect(await page.locator('img, svg[onload], [hx-get], main script').count()).toBe(0);
    expect(faults).toEqual([]);
    await close();
  });

  test('who is not signed in sees decisions and ids, and no value of a row', async () => {
    const closed = await runConsole({ actions: true, settings: scene.settings });
    const { page, close } = await visit();
    await page.goto(`${closed.url}/runs/${scene.projected}`);
    const text = await page.locator('main').textContent();
    expect(text).toContain(scene.projected);
    for (const value of ['9 of 9 steps passed', 'shop.example']) expect(text).not.toContain(value);
    await page.goto(`${closed.url}/sign-in?token=${TOKEN}`);
    await expectAccessible(page);
    await page.getByLabel('Your name').fill('Ada');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.goto(`${closed.url}/runs/${scene.projected}`);
    expect(await page.locator('main').textContent()).toContain('9 of 9 steps passed');
    expect(await page.locator('.visitor').textContent()).toContain('Ada');
    await close();
    await closed.close();
  });
});

test('a table that somebody has locked makes a page say so in time, and the next one works', async () => {
  const { pool } = scene.world;
  const holder = await pool.connect();
  await holder.query('BEGIN; LOCK TABLE history_cdc.ledger IN ACCESS EXCLUSIVE MODE');
  const url = `${shown.url}/runs/${scene.twin}`;
  const held = await fetch(url);
  expect(held.status).toBe(503);
  expect(await held.text()).toContain('DATABASE_BUSY');
  await holder.query('ROLLBACK');
  holder.release();
  expect((await fetch(url)).status).toBe(200);
});

test('an id that nothing knows is not found, and what is no id is no page', async () => {
  const status = async (path: string) => (await fetch(`${shown.url}${path}`)).status;
  expect(await status('/runs/6b0f7a52-3f0e-4c55-9d52-0c8f7c1f7a10')).toBe(404);
  expect(await status('/runs/seven')).toBe(404);
});
