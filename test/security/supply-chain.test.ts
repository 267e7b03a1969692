import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jarsOf, type Bom } from '../../connectors/runtime/sbom.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'history-cdc-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('the bill of materials of a release', () => {
  test('names every package that is needed in production, and every jar by its checksum', () => {
    const file = path.join(folder, 'bom.json');
    const script = path.join(ROOT, 'connectors/runtime/sbom.ts');
    const { status } = spawnSync(process.execPath, ['--import', 'tsx', script, file], { cwd: ROOT });
    expect(status).toBe(0);
    const bom = JSON.parse(readFileSync(file, 'utf8')) as Bom;
    expect(bom.bomFormat).toBe('CycloneDX');
    expect(bom.metadata.component.name).toBe('agent-history-cdc');
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      'dependencies' | 'devDependencies',
      Record<string, string>
    >;
    const names = bom.components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(dependencies)));
    expect(names).not.toContain('vitest');
    expect(Object.keys(devDependencies)).toContain('vitest');
    const sums = read('connectors/runtime/SHA256SUMS').trimEnd().split('\n');
    const hashes = bom.components.flatMap(({ hashes: each = [] }) => each.map(({ content }) => content));
    expect(hashes).toEqual(expect.arrayContaining(sums.map((line) => line.slice(0, 64))));
  });

  test('reads name and version of a jar, and refuses a list that it cannot read', () => {
    const sum = 'a'.repeat(64);
    expect(jarsOf(`${sum}  plugin/debezium-core-3.7.0.Final.jar\n`)).toEqual([
      {
        type: 'library',
        name: 'debezium-core',
        version: '3.7.0.Final',
        'bom-ref': 'plugin/debezium-core-3.7.0.Final.jar',
        hashes: [{ alg: 'SHA-256', content: sum }],
      },
    ]);
    expect(() => jarsOf('not a checksum\n')).toThrow();
  });
});

describe('npm audit in `check`', () => {
  /** Runs it beside an npm that answers as told. */
  function audit(answer: string) {
    const npm = path.join(folder, 'npm');
    writeFileSync(npm, `#!/bin/sh\ncat <<'END'\n${answer}\nEND\nexit 1\n`);
    chmodSync(npm, 0o755);
    const { status, stderr } = spawnSync(process.execPath, [path.join(ROOT, 'bin/audit.mjs')], {
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
      encoding: 'utf8',
    });
    return { status, said: stderr };
  }
  const found = (severity: string) =>
    JSON.stringify({
      auditReportVersion: 2,
      vulnerabilities: { bad: { name: 'bad', severity } },
      metadata: { vulnerabilities: { [severity]: 1 } },
    });

  test('fails where a package in production has a serious vulnerability', () => {
    expect(audit(found('critical'))).toMatchObject({ status: 1 });
    expect(audit(found('high'))).toMatchObject({ status: 1 });
    expect(audit(found('low'))).toMatchObject({ status: 0 });
  });

  test.each([
    JSON.stringify({ message: '405 Method Not Allowed', error: { summary: '' } }),
    '<html>a proxy</html>',
    '',
  ])('says that nothing was checked where the registry does not answer it: %s', (answer) => {
    const { status, said } = audit(answer);
    expect(status).toBe(0);
    expect(said).toContain('NOT CHECKED');
  });

  test('is part of `check`', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect(scripts['check']).toContain('npm run --silent audit');
    expect(scripts['audit']).toBe('node bin/audit.mjs');
  });
});
