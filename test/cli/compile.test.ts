import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const REPOSITORY = path.join(import.meta.dirname, '..', '..');

let checkout: string;
beforeEach(() => {
  checkout = mkdtempSync(path.join(tmpdir(), 'history-cdc-checkout-'));
  cpSync(path.join(REPOSITORY, 'bin'), path.join(checkout, 'bin'), { recursive: true });
  for (const folder of ['cli', 'lib', 'test', 'node_modules']) mkdirSync(path.join(checkout, folder));
  for (const name of ['tsx', 'esbuild'])
    symlinkSync(path.join(REPOSITORY, 'node_modules', name), path.join(checkout, 'node_modules', name));
  write('package.json', '{ "type": "module", "version": "1.0.0" }');
  write('cli/main.ts', "import { say } from '../lib/say.ts'; say(import.meta.url);");
  says('first');
});
afterEach(() => {
  rmSync(checkout, { recursive: true });
});

function write(file: string, text: string): void {
  writeFileSync(path.join(checkout, file), text);
}

function says(word: string): void {
  write('lib/say.ts', `export const say = (text: string): void => console.log('${word}', text);`);
}

/** Runs a small program instead of ours, by our own bin/history-cdc.mjs. */
async function run(): Promise<{
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}> {
  const child = spawn(process.execPath, [path.join(checkout, 'bin', 'history-cdc.mjs')]);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

const answer = (word: string) => ({
  code: 0,
  stdout: `${word} file://${checkout}/cli/main.ts\n`,
  stderr: '',
});
const cache = () => path.join(checkout, 'node_modules', '.cache', 'history-cdc');

test('it compiles once, and again when a source has changed; a build of other sources is never run', async () => {
  expect(await run()).toEqual(answer('first'));
  const [build] = readdirSync(cache());
  expect(await run()).toEqual(answer('first'));
  expect(readdirSync(cache())).toEqual([build]);
  says('second');
  expect(await run()).toEqual(answer('second'));
  says('first');
  expect(await run()).toEqual(answer('first'));
  expect(readdirSync(cache())).toHaveLength(2);
});

test('several that start at once leave one build, and each answers', async () => {
  const answers = await Promise.all([run(), run(), run()]);
  expect(answers).toEqual([answer('first'), answer('first'), answer('first')]);
  expect(readdirSync(cache())).toHaveLength(1);
});

test('it runs where no build can be kept', async () => {
  mkdirSync(path.join(checkout, 'node_modules', '.cache'));
  write('node_modules/.cache/history-cdc', 'not a folder');
  expect(await run()).toEqual(answer('first'));
});

test('it never keeps a build with a file whose changes it would not see', async () => {
  write('test/word.ts', "export const word = 'from a test';");
  write('cli/main.ts', "import { word } from '../test/word.ts'; console.log(word);");
  expect(await run()).toMatchObject({ code: 0, stdout: 'from a test\n' });
  write('test/word.ts', "export const word = 'changed';");
  expect(await run()).toMatchObject({ code: 0, stdout: 'changed\n' });
});

test('an error names the line of the source', async () => {
  write(
    'lib/say.ts',
    '// a comment\n\nexport const say = (text: string): void => {\n  throw new Error(text);\n};',
  );
  const { code, stderr } = await run();
  expect(code).toBe(1);
  expect(stderr).toContain('lib/say.ts:4:');
});

describe('dist/', () => {
  const build = () =>
    execFileSync(process.execPath, [path.join(checkout, 'bin', 'compile.mjs')], { stdio: 'pipe' });
  const withoutSources = () => {
    for (const name of ['cli', 'lib', 'node_modules', 'bin/compile.mjs'])
      rmSync(path.join(checkout, name), { recursive: true });
  };

  test('is run while it is made of the sources as they are, and never after a change of them', async () => {
    build();
    expect(await run()).toEqual(answer('first'));
    expect(existsSync(cache())).toBe(false);
    says('second');
    expect(await run()).toEqual(answer('second'));
    expect(readdirSync(cache())).toHaveLength(1);
    build();
    rmSync(cache(), { recursive: true });
    expect(await run()).toEqual(answer('second'));
    expect(existsSync(cache())).toBe(false);
    expect(readdirSync(checkout).filter((name) => name.startsWith('.dist'))).toEqual([]);
  });

  test('is all that a package needs, in whatever folder it lies, and names the lines of the sources', async () => {
    build();
    withoutSources();
    const elsewhere = `${checkout} elsewhere`;
    renameSync(checkout, elsewhere);
    checkout = elsewhere;
    expect(await run()).toEqual({
      ...answer('first'),
      stdout: `first ${pathToFileURL(checkout).href}/cli/main.ts\n`,
    });
  });

  test.each([
    [
      'that of another release',
      () => {
        write('package.json', '{ "type": "module", "version": "1.1.0" }');
      },
    ],
    [
      'none',
      () => {
        rmSync(path.join(checkout, 'dist'), { recursive: true });
      },
    ],
  ])('a package with %s does not run', async (_, spoil) => {
    build();
    withoutSources();
    spoil();
    expect(await run()).toMatchObject({ code: 2, stdout: '' });
  });

  test('stays as it was where the sources do not compile', async () => {
    build();
    write('lib/say.ts', 'export const say = ;');
    expect(build).toThrow();
    says('first');
    expect(await run()).toEqual(answer('first'));
    expect(existsSync(cache())).toBe(false);
  });
});

describe('a command loads only what it needs:', () => {
  /** The packages that a file of the build imports, directly or by other files, without what is only loaded later. */
  function packages(file: string, seen = new Set<string>()): string[] {
    const imported = [
      ...readFileSync(file, 'utf8').matchAll(/^(?:import|} from|import .* from) "([^"]+)";$/gm),
    ];
    for (const [, name = ''] of imported) {
      if (seen.has(name) || name.startsWith('node:')) continue;
      seen.add(name);
      if (name.startsWith('./')) packages(path.join(path.dirname(file), name), seen);
    }
    return [...seen].filter((name) => !name.startsWith('./')).sort();
  }

  test.each([
    ['--help and --version', /^main\.js$/, ['commander']],
    ['config', /^config-\w+\.js$/, ['pg', 'pino', 'string-width', 'zod']],
  ])('%s', (_, name, expected) => {
    const compiler = pathToFileURL(path.join(REPOSITORY, 'bin', 'compile.mjs')).href;
    const script = `process.stdout.write(await (await import(${JSON.stringify(compiler)})).compiled())`;
    const folder = path.dirname(
      execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' }),
    );
    const files = readdirSync(folder).filter((file) => name.test(file));
    expect(files).toHaveLength(1);
    expect(packages(path.join(folder, files[0] ?? ''))).toEqual(expected);
  });
});
