import type { TestProject } from 'vitest/node';
import { findBrowser } from './find-browser.ts';
import './provided.ts';
import { startServers } from './start-servers.ts';

/** For the project `browser`: a Postgres of its own, and a Chromium, or the reason why there is none. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const browser = await findBrowser();
  if (typeof browser === 'string')
    process.stderr.write(`the browser tests are skipped, because no browser can be had: ${browser}\n`);
  project.provide('browser', browser);
  return await startServers(project, ['postgres']);
}
