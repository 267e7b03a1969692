import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { assertChecksums } from '../../stack/plugin-checksums.ts';
import { findJava, javaMajorVersion, requireMaven } from '../../stack/prerequisites.ts';
import { DownloadProgress, fetchByMaven, fetchRuntime, type MavenBuild } from '../../stack/runtime.ts';
import { temporaryFolder } from '../support/folder.ts';

/** A machine with only these programs on its PATH. */
function machineWith(programs: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(bin, name), 0o755);
  }
  return { PATH: bin, HISTORY_CDC_STATE_DIR: path.join(folder, 'state') };
}

/** As Maven is called here: -B -U -f POM package -Druntime.dir=FOLDER. */
const fakeMaven = (script: string) => `[ "$1" = -v ] && exit 0\ninto="\${6#-Druntime.dir=}"\n${script}`;

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['openjdk version "21-ea" 2023-09-19', 21],
  ['java version "1.8.0_402"', 8],
  ['no Java at all', undefined],
])('the major version in: %s', (text, version) => {
  expect(javaMajorVersion(text)).toBe(version);
});

test.each([
  ['no Java', {}, 'there is no java on the PATH'],
  ['an old Java', { java: 'echo "openjdk version \\"11.0.2\\"" >&2' }, '`java` is 11'],
])('a machine with %s is told so, and what to install', (_, programs, message) => {
  expect(() => findJava(machineWith(programs))).toThrow(
    expect.objectContaining({
      code: 'STACK_PREREQUISITE',
      message: expect.stringContaining(message) as string,
      wayOut: expect.stringContaining('JAVA_HOME') as string,
    }) as Error,
  );
});

test('JAVA_HOME goes before the PATH', () => {
  const machine = machineWith({ java: 'echo "openjdk version \\"11\\"" >&2' });
  const home = machineWith({ java: 'echo "openjdk version \\"17.0.1\\"" >&2' });
  const java = findJava({ ...machine, JAVA_HOME: path.dirname(home.PATH) });
  expect(java).toBe(path.join(home.PATH, 'java'));
});

test('a machine without Maven is told so', () => {
  expect(() => {
    requireMaven(machineWith({ java: 'echo "openjdk version \\"17.0.1\\"" >&2' }));
  }).toThrow('there is no mvn on the PATH');
});

test.each([
  ['no Maven either', {}],
  ['Maven, which needs it', { mvn: 'echo "JAVA_HOME is not defined correctly" >&2; exit 1' }],
])('a machine without Java, with %s, is told of Java first', (_, programs) => {
  expect(() => {
    requireMaven(machineWith(programs));
  }).toThrow('there is no java on the PATH');
});

test('a repository that cannot be reached is one line with its cause', async () => {
  const line =
    '[ERROR] Failed to execute goal: Could not transfer artifact a:b:pom:1: transfer failed for b.pom: Unknown host nowhere.invalid: Name or service not known -> [Help 1]';
  const machine = machineWith({ mvn: fakeMaven(`echo "${line}"; exit 1`) });
  await expect(fetchRuntime(machine, () => undefined)).rejects.toMatchObject({
    code: 'STACK_PREREQUISITE',
    message: 'Maven cannot reach its repository: Unknown host nowhere.invalid: Name or service not known',
  });
});

/** A build of one source, whose result may be looked at before it is used. */
function aBuild(check?: (made: string) => void): MavenBuild {
  const folder = temporaryFolder();
  writeFileSync(path.join(folder, 'pom.xml'), '<project/>');
  return { name: 'jars', folder, sources: ['pom.xml'], fetching: 'fetching', ...(check && { check }) };
}

test('what Maven fetched is complete or not there, and is fetched once', async () => {
  const build = aBuild();
  const machine = machineWith({
    mkdir: 'exec /bin/mkdir "$@"',
    mvn: fakeMaven(
      'mkdir "$into/kafka" || exit 1; [ -e "$HISTORY_CDC_STATE_DIR/online" ] || exit 1; echo x >> "$HISTORY_CDC_STATE_DIR/runs"',
    ),
  });
  const runtime = path.join(machine.HISTORY_CDC_STATE_DIR, 'runtime');
  const complete = () => readdirSync(runtime).filter((name) => /^jars-[0-9a-f]{12}$/.test(name));

  const fetch = () => fetchByMaven(build, machine, () => undefined);
  await expect(fetch()).rejects.toMatchObject({ code: 'STACK_PREREQUISITE' });
  expect(complete()).toEqual([]);

  writeFileSync(path.join(machine.HISTORY_CDC_STATE_DIR, 'online'), '');
  const both = await Promise.all([fetch(), fetch()]);
  expect(complete()).toHaveLength(1);
  expect(readFileSync(path.join(machine.HISTORY_CDC_STATE_DIR, 'runs'), 'utf8')).toBe('x\n');
  expect(both[0]).toEqual(both[1]);
  expect(existsSync(path.join(both[0], 'kafka'))).toBe(true);
});

test('what Maven fetched and is not what was expected is never used', async () => {
  const machine = machineWith({ mvn: fakeMaven('exit 0') });
  const refused = () => {
    throw new Error('not those');
  };
  await expect(fetchByMaven(aBuild(refused), machine, () => undefined)).rejects.toThrow('not those');
  const runtime = path.join(machine.HISTORY_CDC_STATE_DIR, 'runtime');
  expect(readdirSync(runtime).filter((name) => /^jars-[0-9a-f]{12}$/.test(name))).toEqual([]);
});

describe('the jars of the plugins', () => {
  /** Two jars, a service manifest that the build makes, and the sums of the two. */
  function plugins() {
    const folder = temporaryFolder();
    const write = (file: string, content: string) => {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), content);
    };
    write('one/a.jar', 'hello\n');
    write('two/b.jar', '');
    write('one/x-avro-converter-manifest.jar', 'made a moment ago');
    write('README.md', 'no jar');
    const sums = path.join(temporaryFolder(), 'SHA256SUMS');
    writeFileSync(
      sums,
      [
        '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  one/a.jar',
        'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  two/b.jar',
        '',
      ].join('\n'),
    );
    return {
      write,
      remove: (file: string) => {
        rmSync(path.join(folder, file));
      },
      check: () => {
        assertChecksums(folder, sums);
      },
    };
  }

  test('pass as they were reviewed', () => {
    expect(plugins().check).not.toThrow();
  });

  test.each<[string, (made: ReturnType<typeof plugins>) => void, string]>([
    [
      'another',
      ({ write }) => {
        write('one/a.jar', 'hello');
      },
      'one/a.jar is another',
    ],
    [
      'one more',
      ({ write }) => {
        write('two/c.jar', '');
      },
      'two/c.jar is not among them',
    ],
    [
      'one less',
      ({ remove }) => {
        remove('two/b.jar');
      },
      'two/b.jar is missing',
    ],
  ])('are refused where there is %s', (_, change, message) => {
    const made = plugins();
    change(made);
    expect(made.check).toThrow(
      expect.objectContaining({
        code: 'STACK_PREREQUISITE',
        message: `the plugins for Kafka Connect are not those of SHA256SUMS: ${message}`,
      }) as Error,
    );
  });
});

test('downloads are told as a sum', () => {
  const said: string[] = [];
  const progress = new DownloadProgress((line) => void said.push(line));
  progress.see('[INFO] Downloaded from central: https://host/a/kafka-4.jar (6.7 MB at 46 MB/s)');
  progress.see('[INFO] Downloaded from central: https://host/a/b.pom (300 kB at 4.1 MB/s)');
  progress.see('[INFO] Downloading from central: https://host/a/c.jar');
  progress.finish();
  expect(said).toEqual(['  2 files, 7 MB, done']);
});
