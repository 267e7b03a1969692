/** Delivers what is due at DATABASE_URL. The receiver kills it while it waits for the answer. */
import { createPool } from '../../lib/postgres.ts';
import { loadConfig } from '../../lib/config.ts';
import { deliverDue } from '../../operations/webhook/deliver.ts';
import { requiredEndpoint } from '../../operations/webhook/send.ts';

const config = loadConfig(process.env, undefined, ['DATABASE_URL']);
const pool = createPool({ url: config.DATABASE_URL, name: 'doomed', connections: 1 });
await deliverDue(pool, {
  endpoint: requiredEndpoint(config),
  giveUpHours: 1,
  leaseMs: 1000,
  signal: new AbortController().signal,
  failed: () => undefined,
  delivered: () => undefined,
});
await pool.end();
