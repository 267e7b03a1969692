import { chownSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Account } from './account.ts';
import { copyForAccount } from './certificates.ts';
import type { StartContext } from './server.ts';
import { DATABASE, ROLES } from './state.ts';

/**
 * The rules of pg_hba.conf: one line per database, with TLS and with SCRAM, which never sends the password. Postgres
 * refuses everything else: connections without TLS, and the keyword `replication`, which would allow a copy of the
 * whole cluster. Debezium does not need that keyword, because logical replication logs in to the database by its name.
 */
const HBA = [
  `hostssl ${DATABASE} ${ROLES.app},${ROLES.connector},${ROLES.projector} 127.0.0.1/32 scram-sha-256`,
  `hostssl all ${ROLES.superuser} 127.0.0.1/32 scram-sha-256`,
];

/** The additional settings of a secure server. Its certificate's files are copied for the account that runs it. */
export function secureSettings({ instance, state }: StartContext, account: Account): Record<string, string> {
  const { secure } = state;
  if (secure === undefined) return {};
  const folder = path.join(instance.folder, 'postgres-tls');
  const { certificate, key } = copyForAccount(secure.tls, 'postgres', folder);
  const hba = path.join(folder, 'pg_hba.conf');
  writeFileSync(hba, HBA.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  if (account.owner !== undefined) {
    for (const entry of [folder, certificate, key, hba])
      chownSync(entry, account.owner.uid, account.owner.gid);
  }
  return {
    ssl: 'on',
    ssl_cert_file: certificate,
    ssl_key_file: key,
    ssl_min_protocol_version: 'TLSv1.2',
    password_encryption: 'scram-sha-256',
    hba_file: hba,
  };
}
