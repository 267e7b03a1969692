import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';

const REPOSITORY = path.join(import.meta.dirname, '..', '..');

/** A checkout with one dependency, which its lockfile wants in version 2.0.0, and one that only tests need. */
function checkoutWith(version: string | undefined): string {
  const checkout = temporaryFolder();
  const write = (file: string, content: unknown) => {
    mkdirSync(path.dirname(path.join(checkout, file)), { recursive: true });
    writeFileSync(path.join(checkout, file), typeof content === 'string' ? content : JSON.stringify(content));
  };
  cpSync(path.join(REPOSITORY, 'bin'), path.join(checkout, 'bin'), { recursive: true });
  const root = { type: 'module', dependencies: { needed: '*' }, devDependencies: { tested: '*' } };
  write('package.json', root);
  write('package-lock.json', {
    lockfileVersion: 3,
    packages: {
      '': root,
      'node_modules/needed': { version: '2.0.0' },
      'node_modules/tested': { version: '1.0.0', dev: true },
    },
  });
  write('cli/main.ts', "console.log('it runs');");
  if (version !== undefined) write('node_modules/needed/package.json', { version });
  mkdirSync(path.join(checkout, 'node_modules'), { recursive: true });
  symlinkSync(
    path.join(REPOSITORY, 'node_modules', 'esbuild'),
    path.join(checkout, 'node_modules', 'esbuild'),
  );
  return checkout;
}

/** The real npm has no registry that it can reach; `npm` stands for one that has. */
async function run(checkout: string, args: readonly string[], npm?: string) {
  const tools = path.join(checkout, 'tools');
  mkdirSync(tools);
  if (npm !== undefined) {
    writeFileSync(path.join(tools, 'npm'), `#!/bin/sh\n${npm}\n`);
    chmodSync(path.join(tools, 'npm'), 0o755);
  }
  const env = {
    ...process.env,
    PATH: `${tools}:${process.env['PATH'] ?? ''}`,
    npm_config_registry: 'http://127.0.0.1:1',
    npm_config_cache: path.join(checkout, 'npm-cache'),
    npm_config_fetch_retries: '0',
  };
  return await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, args, { cwd: checkout, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const COMMAND = ['bin/history-cdc.mjs'];
const version = (checkout: string): unknown =>
  (
    JSON.parse(readFileSync(path.join(checkout, 'node_modules/needed/package.json'), 'utf8')) as {
      version: unknown;
    }
  ).version;
const leftOver = (checkout: string) =>
  readdirSync(checkout).filter((name) => name.startsWith('.node_modules'));

test('where the dependencies resolve, nothing is installed, without a stamp and without those for tests', async () => {
  const checkout = checkoutWith('2.0.0');
  await expect(run(checkout, COMMAND)).resolves.toEqual({ code: 0, stdout: 'it runs\n', stderr: '' });
  expect(version(checkout)).toBe('2.0.0');
});

test.each([
  ['of another version', '1.0.0', COMMAND],
  ['without those for tests', '2.0.0', ['bin/setup.mjs']],
])(
  'without a registry, an installation %s stays as it is, and the command ends with 2',
  async (_, has, command) => {
    const checkout = checkoutWith(has);
    const { code, stdout } = await run(checkout, command);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(version(checkout)).toBe(has);
    expect(existsSync(path.join(checkout, 'node_modules', 'esbuild', 'package.json'))).toBe(true);
    expect(leftOver(checkout)).toEqual([]);
  },
);

test('an install takes the place of the one before only when it is complete', async () => {
  const checkout = checkoutWith('1.0.0');
  // The old installation is whole while npm works.
  const npm = `grep -q 1.0.0 "${checkout}/node_modules/needed/package.json" || exit 9
mkdir -p node_modules/needed && echo '{ "version": "2.0.0" }' > node_modules/needed/package.json
ln -s "${path.join(REPOSITORY, 'node_modules', 'esbuild')}" node_modules/esbuild`;
  const { code, stdout } = await run(checkout, COMMAND, npm);
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'it runs\n' });
  expect(version(checkout)).toBe('2.0.0');
  expect(leftOver(checkout)).toEqual([]);
});

test('a version that a package writes with a v is the one of the lockfile', async () => {
  const checkout = checkoutWith('v2.0.0');
  await expect(run(checkout, COMMAND)).resolves.toMatchObject({ code: 0, stdout: 'it runs\n' });
});

test('without a compiler and without a build, the packages for development are installed', async () => {
  const checkout = checkoutWith('2.0.0');
  rmSync(path.join(checkout, 'node_modules', 'esbuild'));
  const { code, stderr } = await run(checkout, COMMAND);
  expect(code).toBe(2);
  expect(stderr).toContain('npm ci');
  expect(version(checkout)).toBe('2.0.0');
});

test('--help installs nothing', async () => {
  const checkout = checkoutWith(undefined);
  const { code, stderr } = await run(checkout, [...COMMAND, '--help'], 'exit 9');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
