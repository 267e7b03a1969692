/** The error codes of Node's TLS for a certificate that it does not accept. */
const UNTRUSTED = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]);

export type TlsFault =
  /** Signed by another authority than the named one. */
  | 'untrusted'
  /** Signed by the right authority, for another host. */
  | 'other-host'
  | 'expired'
  /** The server does not use TLS, or uses a version that this client does not know. */
  | 'no-tls';

/** What is wrong with the server's certificate or its TLS; undefined for every other error. Looks into causes. */
export function tlsFaultOf(error: unknown): TlsFault | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; depth += 1) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : '';
    if (UNTRUSTED.has(code)) return 'untrusted';
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'other-host';
    if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') return 'expired';
    if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) return 'no-tls';
    at = at.cause ?? ('originalError' in at ? at.originalError : undefined);
  }
  return undefined;
}

/** The remedy in one sentence. `ca` names the setting of the authority, `address` the setting of the server. */
export function tlsWayOut(
  fault: TlsFault,
  { ca, address }: { readonly ca: string; readonly address: string },
): string {
  switch (fault) {
    case 'untrusted':
      return `set ${ca} to the PEM file of the authority that signed the certificate; a certificate is never accepted unchecked`;
    case 'other-host':
      return `in ${address}, use a host name for which the certificate was issued`;
    case 'expired':
      return `renew the certificate of the server at ${address}, or correct the clock`;
    case 'no-tls':
      return `the server at ${address} does not use TLS on that port, or only a version that is too old`;
  }
}
