import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RunningStack } from '../../stack/stack.ts';

/** What a run of the tests reads; `node_modules` is the checkout's own. */
const TREE = [
  'bin',
  'cli',
  'connectors',
  'consumers',
  'lib',
  'operations',
  'demo',
  'stack',
  'test',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
] as const;

/** A copy of the checkout, outside of it, in which code may be broken. */
export interface Workshop {
  readonly root: string;
  remove(): void;
}

/**
 * The copy's tests do not start servers of their own: one server for all runs saves each of them its start. Databases
 * and topics have names of their own in every run, and a template's name carries its migrations.
 */
export function openWorkshop(
  checkout: string,
  { addresses, name }: Pick<RunningStack, 'addresses' | 'name'>,
): Workshop {
  const root = mkdtempSync(path.join(tmpdir(), 'history-cdc-mutants-'));
  for (const entry of TREE) cpSync(path.join(checkout, entry), path.join(root, entry), { recursive: true });
  symlinkSync(path.join(checkout, 'node_modules'), path.join(root, 'node_modules'));
  writeFileSync(
    path.join(root, 'test/support/start-servers.ts'),
    `
      export function startServers(project) {
        project.provide('servers', ${JSON.stringify(addresses)});
        project.provide('instance', ${JSON.stringify(name)});
        return Promise.resolve(() => Promise.resolve());
      }`,
  );
  return {
    root,
    remove: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}
