import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { enterStage } from '../../operations/soak/stages.ts';
import { inserted } from '../support/records.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { temporaryFolder } from '../support/folder.ts';
import { useWorld } from '../support/world.ts';
import { runOf } from '../undo/taken-back.ts';

const world = useWorld();

const run = async (...args: string[]) =>
  await runInProcess(args, {
    DATABASE_URL: world().url,
    KAFKA_SASL_PASSWORD: 'a-secret',
    LOG_LEVEL: 'silent',
  });

function partsOf(file: string): ReadonlyMap<string, unknown> {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(0, -1);
  return new Map(
    lines.map((line) => {
      const { part, content } = JSON.parse(line) as { part: string; content: unknown };
      return [part, content];
    }),
  );
}

interface Digest {
  readonly rows: string;
  readonly sha256: string;
  readonly buckets: Readonly<Record<string, { readonly rows: string; readonly sha256: string }>>;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** As the part `about` tells an auditor to. */
async function digestByHand(): Promise<string> {
  const { rows } = await world().pool.query<Record<string, string | number | boolean | null>>(
    `SELECT legacy_id::text, decision, canonical_run_id::text, reason, rule_version, encode(content_hash, 'hex') AS hash,
            source_deleted_at IS NOT NULL AS deleted FROM history_cdc.ledger ORDER BY legacy_id`,
  );
  const buckets = new Map<string, string[]>();
  for (const row of rows) {
    const line = Object.values(row).map((value) =>
      typeof value === 'boolean' ? (value ? 't' : 'f') : (value ?? '-'),
    );
    const bucket = String(row['legacy_id']).slice(0, 2);
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), line.join('|')]);
  }
  const inOrder = [...buckets].sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(inOrder.map(([, lines]) => sha256(lines.join('\n'))).join('\n'));
}

test('one file has it all, no value of a row and no secret; it is signed, and is never overwritten', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'evidence.jsonl');
  const [key, pub] = [join(folder, 'key.pem'), join(folder, 'public.pem')];
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', key]);
  execFileSync('openssl', ['pkey', '-in', key, '-pubout', '-out', pub]);
  const owner = await world().owner();
  const row = runOf(owner, { summary: 'a value of a row' });
  await world().project([inserted(row)]);
  await world().ledger(row.id);
  await enterStage(world().pool, { stage: 'ready', by: 'the data owner', evidence: { because: 'a test' } });
  await world().pool.query(
    `INSERT INTO history_cdc.verification_pass (began_at, release, rule_version, legacy_rows, ledger_rows, canonical_rows, wrong, waiting)
     VALUES (now(), '0.2.0', 2, 2, 2, 1, 0, 0)`,
  );
  expect(await run('evidence', 'export', file, '--key', key)).toMatchObject({ code: 0 });
  const text = readFileSync(file, 'utf8');
  for (const secret of [
    'a value of a row',
    owner.user,
    'a-secret',
    new URL(world().url).password || 'no password',
  ])
    expect(text).not.toContain(secret);
  const parts = partsOf(file);
  expect([...parts.keys()].sort()).toEqual([
    'about',
    'archives',
    'attestations',
    'configuration',
    'gaps',
    'incidents',
    'ledger',
    'moment',
    'quarantine',
    'stages',
    'verdicts',
    'verifications',
    'waivers',
  ]);
  expect(parts.get('stages')).toMatchObject([{ stage: 'ready', by: 'the data owner' }]);
  expect(parts.get('verifications')).toMatchObject([
    { release: '0.2.0', legacyRows: '2', wrong: '0', waiting: '0' },
  ]);
  expect(parts.get('ledger')).toMatchObject({
    rows: '2',
    decisions: { projected: '2' },
    sha256: await digestByHand(),
  });
  const authentic = await run('evidence', 'verify', file, '--public-key', pub, '--json');
  expect([authentic.code, JSON.parse(authentic.stdout)]).toEqual([
    0,
    expect.objectContaining({ verdict: 'authentic', signature: 'known', faults: [] }),
  ]);
  const signatureFile = join(folder, 'signature');
  const root = (
    JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as {
      root: { format: string; parts: { name: string; sha256: string }[]; signature: { value: string } };
    }
  ).root;
  writeFileSync(signatureFile, Buffer.from(root.signature.value, 'hex'));
  const signedFile = join(folder, 'signed');
  writeFileSync(
    signedFile,
    [root.format, ...root.parts.map((part) => `${part.sha256}  ${part.name}`), ''].join('\n'),
  );
  execFileSync('openssl', [
    'pkeyutl',
    '-verify',
    '-pubin',
    '-inkey',
    pub,
    '-rawin',
    '-in',
    signedFile,
    '-sigfile',
    signatureFile,
  ]);
  const again = await run('evidence', 'export', file, '--json');
  expect([again.code, JSON.parse(again.stderr)]).toEqual([
    2,
    expect.objectContaining({ code: 'EVIDENCE_UNREADABLE' }),
  ]);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('the digest of the ledger changes with one decision, and only in its bucket', async () => {
  const folder = temporaryFolder();
  const row = runOf(await world().owner());
  await world().project([inserted(row)]);
  await world().ledger(row.id);
  const digest = async (name: string) => {
    const file = join(folder, name);
    expect(await run('evidence', 'export', file)).toMatchObject({ code: 0 });
    return partsOf(file).get('ledger') as Digest;
  };
  const before = await digest('before');
  await world().execute("UPDATE history_cdc.ledger SET reason = 'history' WHERE legacy_id = $1", row.id);
  const after = await digest('after');
  expect(after.sha256).not.toBe(before.sha256);
  const changed = Object.keys(before.buckets).filter(
    (id) => before.buckets[id]?.sha256 !== after.buckets[id]?.sha256,
  );
  expect(changed).toEqual([row.id.slice(0, 2)]);
});

test('a changed file, a wrong key and a file that is none end with their codes', async () => {
  const folder = temporaryFolder();
  const row = runOf(await world().owner());
  await world().project([inserted(row)]);
  await world().ledger(row.id);
  const file = join(folder, 'file');
  expect(await run('evidence', 'export', file)).toMatchObject({ code: 0 });
  writeFileSync(file, readFileSync(file, 'utf8').replace('"projected":"', '"projected":"1'));
  const changed = await run('evidence', 'verify', file, '--json');
  expect([changed.code, JSON.parse(changed.stdout)]).toEqual([
    1,
    expect.objectContaining({ verdict: 'changed', faults: [{ part: 'ledger', what: 'changed or missing' }] }),
  ]);
  const noKey = join(folder, 'no-key');
  writeFileSync(noKey, 'no key');
  for (const args of [
    ['verify', join(folder, 'absent')],
    ['verify', file, '--public-key', noKey],
    ['export', join(folder, 'new'), '--key', noKey],
    ['export', join(folder, 'absent', 'new')],
  ]) {
    const answer = await run('evidence', ...args, '--json');
    expect([answer.code, JSON.parse(answer.stderr)]).toEqual([
      2,
      expect.objectContaining({ code: 'EVIDENCE_UNREADABLE' }),
    ]);
  }
  expect(existsSync(join(folder, 'new'))).toBe(false);
});
