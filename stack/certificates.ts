import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { newFolder } from './new-folder.ts';
import { missing } from './prerequisites.ts';

/** The servers that get a certificate, by the name in its subject. */
export const CERTIFICATES = ['postgres', 'kafka', 'connect', 'registry'] as const;
export type CertificateName = (typeof CERTIFICATES)[number];

/** The files in a folder of certificates. All except `ca` are secret; other accounts cannot enter the folder. */
export function tlsFiles(folder: string) {
  const file = (name: string) => path.join(folder, name);
  return {
    /** PEM: the authority with which clients check the servers' certificates. */
    ca: file('ca.pem'),
    certificate: (name: CertificateName) => file(`${name}.pem`),
    key: (name: CertificateName) => file(`${name}.key`),
    /** PEM: key and certificate in one file, because Kafka wants them so. */
    kafkaKeystore: file('kafka-keystore.pem'),
    /** PKCS12, for Connect's REST interface, which does not accept PEM. */
    connectKeystore: file('connect.p12'),
    /** PKCS12: the authority, for Java processes. It contains no secret. */
    truststore: file('truststore.p12'),
  } as const;
}

/** Java wants a password for this file, although the file contains no secret. */
export const TRUSTSTORE_PASSWORD = 'no-secret';

const LONG_DAYS = '3650';
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
const HOSTS = 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n';

/**
 * Makes an authority, and a certificate for every server, in a new folder. The folder appears only when it is complete.
 * The authority's key is deleted before that, so that nobody can sign another certificate with it.
 */
export async function makeCertificates(folder: string, keystorePassword: string): Promise<void> {
  await newFolder(folder, async (fresh) => {
    const files = tlsFiles(fresh);
    const caKey = path.join(fresh, 'ca.key');
    const subject = ['-subj', '/CN=history-cdc local stack'];
    const authority = ['req', '-x509', ...CURVE, '-days', LONG_DAYS, ...subject];
    await openssl(fresh, [...authority, '-keyout', caKey, '-out', files.ca]);
    writeFileSync(path.join(fresh, 'hosts.ext'), HOSTS);
    for (const name of CERTIFICATES) await certify(fresh, caKey, name);
    joinForKafka(fresh);
    await exportKeystore(fresh, keystorePassword);
    await importAuthority(fresh);
    for (const file of ['ca.key', 'ca.srl', 'hosts.ext']) rmSync(path.join(fresh, file), { force: true });
  });
}

async function certify(folder: string, caKey: string, name: CertificateName): Promise<void> {
  const files = tlsFiles(folder);
  const request = path.join(folder, `${name}.csr`);
  const key = files.key(name);
  await openssl(folder, ['req', ...CURVE, '-subj', `/CN=${name}`, '-keyout', key, '-out', request]);
  const signing = ['x509', '-req', '-in', request, '-days', LONG_DAYS, '-extfile', 'hosts.ext'];
  const by = ['-CA', files.ca, '-CAkey', caKey, '-CAcreateserial', '-out', files.certificate(name)];
  await openssl(folder, [...signing, ...by]);
  rmSync(request);
}

function joinForKafka(folder: string): void {
  const files = tlsFiles(folder);
  const parts = [files.key('kafka'), files.certificate('kafka'), files.ca];
  const text = parts.map((file) => readFileSync(file, 'utf8')).join('');
  writeFileSync(files.kafkaKeystore, text, { mode: 0o600 });
}

async function exportKeystore(folder: string, password: string): Promise<void> {
  const files = tlsFiles(folder);
  const secret = path.join(folder, 'keystore-password');
  writeFileSync(secret, password, { mode: 0o600 });
  const input = ['-inkey', files.key('connect'), '-in', files.certificate('connect'), '-certfile', files.ca];
  // A file passes the password, because everybody can read the arguments of a process.
  const output = ['-name', 'connect', '-passout', `file:${secret}`, '-out', files.connectKeystore];
  await openssl(folder, ['pkcs12', '-export', ...input, ...output]);
  rmSync(secret);
}

/**
 * Uses keytool, because Java trusts a certificate in a PKCS12 file only if the file has Java's own attribute for it.
 */
async function importAuthority(folder: string): Promise<void> {
  const { ca, truststore } = tlsFiles(folder);
  const store = ['-keystore', truststore, '-storetype', 'PKCS12', '-storepass', TRUSTSTORE_PASSWORD];
  await run('keytool', folder, ['-importcert', '-noprompt', '-alias', 'ca', '-file', ca, ...store]);
}

async function openssl(cwd: string, args: readonly string[]): Promise<void> {
  await run('openssl', cwd, args);
}

async function run(program: 'openssl' | 'keytool', cwd: string, args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(program, [...args], { cwd });
  } catch (error) {
    const { code, stderr = '' } = error as { readonly code?: unknown; readonly stderr?: string };
    if (code === 'ENOENT') {
      throw missing(
        `there is no ${program} on the PATH, which \`stack up --secure\` makes its certificates with`,
        program === 'openssl'
          ? 'install OpenSSL (Debian and Ubuntu: apt-get install openssl)'
          : 'put the bin folder of a Java 17 runtime on the PATH',
      );
    }
    throw new Error(`${program} ${args[0] ?? ''} failed: ${stderr.trim()}`, { cause: error });
  }
}

/** Copies the files for a server that runs as another account, and returns their paths. */
export function copyForAccount(
  from: string,
  name: CertificateName,
  to: string,
): { readonly certificate: string; readonly key: string } {
  const files = tlsFiles(from);
  mkdirSync(to, { recursive: true, mode: 0o700 });
  const copies = { certificate: path.join(to, 'server.pem'), key: path.join(to, 'server.key') };
  writeFileSync(copies.certificate, readFileSync(files.certificate(name)), { mode: 0o600 });
  writeFileSync(copies.key, readFileSync(files.key(name)), { mode: 0o600 });
  return copies;
}
