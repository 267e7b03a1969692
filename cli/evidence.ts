import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { FatalError, messageOf } from '../lib/errors.ts';
import { listSettings } from '../lib/listed-settings.ts';
import { recordActionAlone } from '../consumers/agent-test-history/batch/actions.ts';
import { composeEvidence, readEvidence, writeNew, type ShownSetting } from '../operations/evidence/export.ts';
import { readPublicKey, readSigningKey } from '../operations/evidence/keys.ts';
import { verifyEvidence, type Verified } from '../operations/evidence/verify.ts';
import { withServices } from '../operations/facts/services.ts';
import { assertMigrated } from '../consumers/agent-test-history/schema/migrate.ts';
import { localStackEnvironment } from '../stack/state.ts';
import { AnswerNo, type CommandContext } from './context.ts';

export function registerEvidence(command: Command, context: CommandContext): void {
  const evidence = command.addHelpText(
    'after',
    '\nExamples:\n  history-cdc evidence export evidence.jsonl --key key.pem\n  history-cdc evidence verify evidence.jsonl --public-key public.pem',
  );
  registerExport(evidence, context);
  registerVerify(evidence, context);
}

function registerExport(evidence: Command, context: CommandContext): void {
  evidence
    .command('export')
    .description(
      'write what was done and proven into one file that can be checked without us and without the databases',
    )
    .argument('<file>', 'a new file')
    .option('--key <file>', 'sign it with this private key (PEM, Ed25519)')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
The file holds stages, incidents, attestations, waivers, verdicts, archives, the masked configuration, and a digest of the
ledger that Postgres computes. It holds no value of a row. The names and reasons that people gave with --by, --note and
--reason stand in it as they are, because they are the signature of the act.

  openssl genpkey -algorithm ed25519 -out key.pem
  openssl pkey -in key.pem -pubout -out public.pem      # for the auditor

Example:
  history-cdc evidence export evidence.jsonl --key key.pem`,
    )
    .action(async (file: string, { key, json }: { readonly key?: string; readonly json?: true }) => {
      const config = context.config(['DATABASE_URL']);
      const signingKey = key === undefined ? undefined : readSigningKey(key);
      const options = { name: 'history-cdc evidence export', bounds: 'work' } as const;
      const { root, text } = await withServices(config, options, async (services) => {
        const canonical = services.canonical();
        await assertMigrated(canonical);
        const parts = await readEvidence(canonical, shownSettings(context));
        const composed = composeEvidence(parts, signingKey);
        writeNew(file, composed.text);
        await recordActionAlone(canonical, { command: 'evidence export' });
        return composed;
      });
      const publicKey = root.signature?.publicKey ?? null;
      context.answer('evidence export', {
        json,
        facts: { file, bytes: Buffer.byteLength(text), root: root.sha256, publicKey, parts: root.parts },
        text: () =>
          [
            `wrote ${String(root.parts.length)} parts to ${file}`,
            `root ${root.sha256}`,
            publicKey === null
              ? 'not signed: --key signs it'
              : `signed; the auditor needs this public key:\n${publicKey}`,
          ].join('\n'),
      });
    });
}

/** The settings as `history-cdc config` shows them: secrets and passwords are masked. */
function shownSettings({ environment }: CommandContext): ShownSetting[] {
  const settings = listSettings(environment, localStackEnvironment(environment));
  return settings.map(({ name, value, source }) => ({ name, value, source }));
}

function registerVerify(evidence: Command, context: CommandContext): void {
  evidence
    .command('verify')
    .description('check a file of evidence, without any database; name each part that does not fit')
    .argument('<file>', 'the file')
    .option(
      '--public-key <file>',
      'the public key that the auditor has (PEM, Ed25519); the file must be signed with it',
    )
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
Without --public-key, an intact file may have been made by anybody, also if it is signed. Ends with 1 if a part does not fit,
or if the file is not signed with the key that was given.

Example:
  history-cdc evidence verify evidence.jsonl --public-key public.pem`,
    )
    .action((file: string, { publicKey, json }: { readonly publicKey?: string; readonly json?: true }) => {
      const given = publicKey === undefined ? undefined : readPublicKey(publicKey);
      const verified = verifyEvidence(bytesOf(file), given);
      context.answer('evidence verify', { json, facts: verified, text: () => render(verified) });
      if (verified.verdict === 'changed') throw new AnswerNo();
    });
}

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new FatalError({
      code: 'EVIDENCE_UNREADABLE',
      message: messageOf(error),
      wayOut: 'name a file that `history-cdc evidence export` has written',
      cause: error,
    });
  }
}

const SIGNATURES: Readonly<Record<Verified['signature'], string>> = {
  known: 'signed with the key that was given',
  unknown:
    'signed with a key that was not given, so anybody may have made it: --public-key checks it against a key of yours',
  other: 'signed with another key than was given',
  wrong: 'the signature does not fit',
  none: 'not signed, so anybody may have made it',
};

function render({ verdict, signature, root, faults, parts }: Verified): string {
  return [
    ...faults.map(({ part, what }) => `${part}: ${what}`),
    `${verdict}: ${String(parts.length)} parts, root ${root ?? 'unreadable'}`,
    SIGNATURES[signature],
  ].join('\n');
}
