import { z } from 'zod';

/** What a reserved character of a user name or password is written as. */
const AS_WRITTEN = '@ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25';

const SEVERAL_HOSTS = 'names several hosts: name one host, or a name that always leads to the primary';

/** Parameters of libpq that the driver does not know. It would ignore them without a word. */
const NOT_KNOWN = ['target_session_attrs', 'hostaddr', 'service', 'passfile', 'load_balance_hosts'] as const;

/**
 * What is wrong with a URL of a server, and how to write it; undefined if nothing is. Guarantees that what it accepts can be
 * taken apart by `new URL`, and that user name and password can be decoded. Never repeats the value, because it may
 * contain a password.
 */
function addressProblem(text: string, protocols: readonly string[]): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*:)\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined || !protocols.includes(scheme))
    return `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
  if (/\s/.test(text)) return 'contains a space or a line break: in a password, write a space as %20';
  if (text.includes('#')) return `contains a #: in a user name or password, write ${AS_WRITTEN}`;
  if (/%(?![0-9a-f]{2})/i.test(text))
    return 'contains a % that is not followed by two hexadecimal digits: in a password, write % as %25';
  if (/^[^/]*\/\/(?:[^/?]*@)?[^/?@]*,/.test(text)) return SEVERAL_HOSTS;
  if (!URL.canParse(text))
    return `is not a URL: check host and port; in a user name or password, write ${AS_WRITTEN}`;
  const url = new URL(text);
  if (url.pathname.includes('@'))
    return `has an @ behind the host: in a user name or password, write ${AS_WRITTEN}`;
  if (![url.username, url.password, url.pathname].every(isDecodable))
    return 'contains a % sequence that is not UTF-8: in a password, write % as %25, and other letters in UTF-8';
  if (protocols.includes('postgresql:') && url.searchParams.get('host')?.includes(',') === true)
    return SEVERAL_HOSTS;
  const unknown = NOT_KNOWN.filter((name) => protocols.includes('postgresql:') && url.searchParams.has(name));
  return unknown.length === 0 ? undefined : `has ${unknown.join(', ')}, which has no effect here: remove it`;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with one Kafka broker's address; undefined if nothing is. */
function brokerProblem(broker: string): string | undefined {
  if (/^\[.*\]:\d+$/.test(broker))
    return `cannot be ${broker}: the Kafka client cannot use an IPv6 address, so write a host name that leads there`;
  const port = Number(/^[^:\s/@]+:(\d{1,5})$/.exec(broker)?.[1]);
  return port >= 1 && port <= 65_535
    ? undefined
    : 'must be host:port, several separated by commas, without a protocol';
}

/** A URL with one of these protocols. */
export const url = (...protocols: string[]) =>
  z.string().superRefine((text, context) => {
    const message = addressProblem(text, protocols);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
export const postgresUrl = url('postgres:', 'postgresql:');
export const httpUrl = url('http:', 'https:').transform((text) => text.replace(/\/+$/, ''));
export const brokers = z
  .string()
  .transform((text) => text.split(',').map((broker) => broker.trim()))
  .superRefine((list, context) => {
    const message = list.map(brokerProblem).find((problem) => problem !== undefined);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

/** The addresses of Postgres with which our own processes connect. */
export const OPENED_BY_US = [
  'DATABASE_URL',
  'LEGACY_DATABASE_URL',
  'OWNER_DATABASE_URL',
  'RESTORE_DATABASE_URL',
] as const;

/**
 * Refuses libpq's variables for TLS where an address does not ask for TLS itself: they have no effect here. To ignore them
 * would send a password over a connection that somebody believes to be encrypted.
 */
export function tlsProblems(
  environment: Readonly<Record<string, string | undefined>>,
  settings: Readonly<
    Record<(typeof OPENED_BY_US)[number], { readonly text: string | undefined; readonly source: string }>
  >,
): string[] {
  const ignored = Object.keys(environment).filter(
    (name) => name.startsWith('PGSSL') && environment[name] !== '',
  );
  if (ignored.length === 0) return [];
  return OPENED_BY_US.flatMap((name) => {
    const { text = '', source } = settings[name];
    return (source !== 'environment' && source !== 'file') || /[?&]sslmode=/.test(text)
      ? []
      : `${name} has no sslmode, and ${ignored.join(', ')} has no effect here: write sslmode=… into the address`;
  });
}

/**
 * What to try where a connection without a password failed. The driver's own error has no code, and says `client password must
 * be a string`; an error with a code says more than this hint.
 */
export function passwordHint(error: unknown, url: string | undefined, setting: string): string[] {
  const known = error instanceof Error && 'code' in error && error.code !== undefined;
  if (known || url === undefined || !URL.canParse(url) || new URL(url).password !== '') return [];
  return [
    `${setting} has no password: if the server wants one, write it into the address, or set PGPASSWORD`,
  ];
}

/** The URL of a Postgres with this password, unless it has one already. */
export function withPassword(text: string, password: string): string {
  const url = new URL(text);
  if (url.password !== '' || url.searchParams.has('password')) return text;
  url.password = encodeURIComponent(password);
  // A URL without a host (`postgresql:///db?host=/run/postgresql`) cannot have a password in front of it.
  if (url.password === '') url.searchParams.set('password', password);
  return url.href;
}
