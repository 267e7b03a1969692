import type { Page } from './page.ts';
import { agentsPage } from './pages/agents.ts';
import { handbookPage } from './pages/handbook.ts';
import { overviewPage } from './pages/overview.ts';
import { findingsPage } from './pages/findings.ts';
import { snapshotsPage } from './pages/snapshots.ts';
import { quarantinePage } from './pages/quarantine.ts';
import { requestsPage } from './pages/requests.ts';
import { soakPage } from './pages/soak.ts';
import { runPage } from './pages/run.ts';
import { settingsPage } from './pages/settings.ts';
import { signInPage } from './pages/sign-in.ts';

/** Every page of the console, in the order of the navigation. A new page is a file in `pages/` and a line here. */
export const PAGES: readonly Page[] = [
  overviewPage,
  agentsPage,
  runPage,
  quarantinePage,
  findingsPage,
  snapshotsPage,
  soakPage,
  requestsPage,
  settingsPage,
  handbookPage,
  signInPage,
];
