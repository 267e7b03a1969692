import { recordActionAlone } from '../../consumers/agent-test-history/batch/actions.ts';
import { messageOf } from '../../lib/errors.ts';
import { ifMigrated } from '../facts/postgres.ts';
import { Blocked, NOTHING, type Found, type Part, type Site } from './part.ts';

/** Counted in the action log once Kafka Connect has forgotten the offset. */
const FORGOTTEN = 'storedOffsetsForgotten';
const LAST_SEEN = `
  SELECT (counts ->> '${FORGOTTEN}') IS NOT NULL AS forgotten FROM history_cdc.action
  WHERE counts ? '${FORGOTTEN}' OR command = 'connector apply'
  ORDER BY id DESC LIMIT 1`;

/**
 * Kafka Connect tells and forgets the offset of a connector only while the connector exists. Of a connector that is gone,
 * the action log knows whether an earlier `teardown` has seen the offset gone; without it, nobody can tell.
 */
export const STORED_OFFSET: Part = {
  after: [],
  togetherWith: ['slot'],
  look: async (site) => {
    const { services, config } = site;
    const connect = services.connect();
    if ((await connect.config(config.CONNECTOR_NAME)) === undefined) return await offsetOfGone(site);
    const offsets = await connect.offsets(config.CONNECTOR_NAME);
    return offsets.length === 0 ? NOTHING : { things: [`stored offset of ${config.CONNECTOR_NAME}`] };
  },
  remove: async ({ services, config: { CONNECTOR_NAME: name } }) => {
    const connect = services.connect();
    const before = await connect.status(name);
    try {
      await connect.forgetOffsets(name);
    } catch (error) {
      // Stopped and not removed, the connector would leave its slot unread.
      if (before?.connector.state === 'RUNNING') await connect.resume(name);
      throw error;
    }
  },
};

async function offsetOfGone({ services, config: { CONNECTOR_NAME: name } }: Site): Promise<Found> {
  const seen = await ifMigrated(() => services.canonical().query<{ forgotten: boolean }>(LAST_SEEN)).catch(
    () => undefined,
  );
  if (seen?.rows[0]?.forgotten === true) return NOTHING;
  throw new Error(
    `Kafka Connect shows the stored offset only of a connector that exists, and ${name} does not; if it was removed without its offset, a new connector of this name goes on from there`,
  );
}

export const CONNECTOR: Part = {
  after: [],
  togetherWith: ['slot'],
  look: async ({ services, config: { CONNECTOR_NAME: name } }) =>
    (await services.connect().config(name)) === undefined ? NOTHING : { things: [name] },
  remove: async (site) => {
    const { services, config } = site;
    const connect = services.connect();
    if ((await connect.offsets(config.CONNECTOR_NAME)).length > 0)
      throw new Blocked({
        why: 'its stored offset is still there: once the connector is gone, nobody can remove it',
      });
    await rememberForgotten(site);
    await connect.delete(config.CONNECTOR_NAME);
  },
};

async function rememberForgotten({ services, note }: Site): Promise<void> {
  try {
    const counts = { [FORGOTTEN]: 1 };
    await recordActionAlone(services.canonical(), { command: 'teardown --apply', counts });
  } catch (error) {
    note(`that the stored offset is gone is not in the action log: ${messageOf(error)}`);
  }
}
