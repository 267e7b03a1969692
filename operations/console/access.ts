import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { Config } from '../../lib/config.ts';

/** Who looks at a page, and what this person may see and do. */
export interface Visitor {
  /** Name of the signed-in person; null for a visitor who is not signed in. */
  readonly person: string | null;
  /** May see values of rows (headline, URL, user id). Everybody may see ids, decisions, counts and times. */
  readonly seesValues: boolean;
  /** The console was started with `--actions`, and the visitor is signed in. */
  readonly mayAct: boolean;
  /** The value of the hidden field `csrf`, without which a POST is refused; empty for who is not signed in. */
  readonly csrf: string;
}

/** How visitors sign in: nobody does, with the token that was printed at the start, or a trusted proxy signs them in. */
export type SignIn = 'none' | 'token' | 'proxy';

export const NOBODY: Visitor = { person: null, seesValues: false, mayAct: false, csrf: '' };

/** Who may come in, and as whom. The keys are made at the start and live as long as the process. */
export interface Access {
  readonly signIn: SignIn;
  readonly token: string;
  /** Names of hosts under which the console answers. */
  readonly hosts: ReadonlySet<string>;
  isToken(text: string): boolean;
  /** The cookie that says who signed in, until when. */
  sessionOf(person: string): string;
  /** The visitor of a request, by what came with it. */
  visitor(came: Came): Visitor;
}

interface Came {
  readonly session: string | undefined;
  readonly header: (name: string) => string | undefined;
  readonly remoteAddress: string | undefined;
}

type AccessConfig = Pick<
  Config,
  'CONSOLE_HOST' | 'CONSOLE_HOSTS' | 'CONSOLE_SIGN_IN' | 'CONSOLE_IDENTITY_HEADER' | 'CONSOLE_TRUSTED_PROXIES'
>;

export const SESSION_COOKIE = 'history_cdc_console';
export const SESSION_SECONDS = 12 * 3600;
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Values of rows are shown to everybody only on a loopback address, without `--actions`, and unless CONSOLE_SIGN_IN says
 * otherwise: there a visitor is a user of this machine. In every other case a visitor must sign in first.
 */
export function createAccess(
  config: AccessConfig,
  {
    actions,
    token = randomBytes(24).toString('base64url'),
  }: { actions: boolean; token?: string | undefined },
): Access {
  const key = randomBytes(32);
  const header = config.CONSOLE_IDENTITY_HEADER;
  const needed = actions || config.CONSOLE_SIGN_IN || !isLoopback(config.CONSOLE_HOST);
  const signIn = header !== undefined ? 'proxy' : needed ? 'token' : 'none';
  const proxies = trusted(config.CONSOLE_TRUSTED_PROXIES);
  const sign = (text: string) => createHmac('sha256', key).update(text).digest('base64url');
  const named = (came: Came): string | null => {
    if (header === undefined) return signIn === 'token' ? personOf(came.session, sign) : null;
    return isTrusted(proxies, came.remoteAddress) ? nameIn(came.header(header)) : null;
  };
  return {
    signIn,
    token,
    hosts: new Set([...LOOPBACK, hostName(config.CONSOLE_HOST), ...config.CONSOLE_HOSTS.map(hostName)]),
    isToken: (text) => isSame(text, token),
    sessionOf: (person) => {
      const until = String(Math.floor(Date.now() / 1000) + SESSION_SECONDS);
      const text = `${Buffer.from(person).toString('base64url')}.${until}`;
      return `${text}.${sign(text)}`;
    },
    visitor: (came) => {
      const person = named(came);
      return {
        person,
        seesValues: person !== null || signIn === 'none',
        mayAct: actions && person !== null,
        csrf: person === null ? '' : sign(`csrf ${person}`),
      };
    },
  };
}

function personOf(session: string | undefined, sign: (text: string) => string): string | null {
  const [name = '', until = '', signature = ''] = session?.split('.') ?? [];
  if (!isSame(signature, sign(`${name}.${until}`)) || Number(until) * 1000 < Date.now()) return null;
  return Buffer.from(name, 'base64url').toString('utf8');
}

const NAME_LENGTH = 100;

/** A name as it will stand in the log of actions: without control characters, not empty, not long. */
export function nameIn(text: string | undefined): string | null {
  const name = text?.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, '').trim() ?? '';
  return name === '' || name.length > NAME_LENGTH ? null : name;
}

/** Takes the same time wherever the two differ. */
export function isSame(one: string, other: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** As a browser writes it into `Host`, without the port. */
function hostName(host: string): string {
  return (isIPv6(host) ? `[${host}]` : host).toLowerCase();
}

function trusted(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of addresses) {
    const [address = '', length] = text.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (length === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(length), family);
  }
  return list;
}

function isTrusted(list: BlockList, remote: string | undefined): boolean {
  const address = remote?.replace(/^::ffff:(?=\d+\.)/, '');
  return address !== undefined && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}
