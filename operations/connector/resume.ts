import type { Position } from '../continuity/judge.ts';
import type { ConfigWith } from '../../lib/config.ts';
import { switchConnector } from './switch.ts';
import { connectClient } from '../../connectors/deploy/target.ts';
import { assertContinuous, type GuardOptions } from './guard.ts';

/**
 * Resumes the connector, unless rows would be missing that nobody has accepted as a gap.
 *
 * After an accepted gap, the slot is ahead of the offset that Kafka Connect has stored. Debezium refuses to start if
 * the server no longer keeps WAL from that offset on ("no longer available on the server"). So the stored offset is
 * first moved to the slot's confirmed position. That loses nothing more, because the server sends nothing from before
 * that position.
 */
export async function resumeConnector(
  config: ConfigWith<'CONNECT_URL'>,
  options: GuardOptions,
): Promise<void> {
  const { position } = await assertContinuous(config, options);
  const connect = connectClient(config);
  const { CONNECTOR_NAME: name } = config;
  if (position !== undefined && isAhead(position)) {
    const [stored = {}] = await connect.offsets(name);
    await connect.moveOffset(name, movedTo(position.confirmed, stored));
    options.note(
      'the stored offset of the connector was moved to the confirmed position of its slot, after the accepted gap',
    );
  }
  await switchConnector(connect, { name, to: 'resume' });
}

function isAhead(position: Position): position is Position & { readonly confirmed: bigint } {
  const { confirmed, stored } = position;
  return confirmed !== null && stored !== null && confirmed > stored;
}

/** The offset that Debezium 3.x stores after the COMMIT of a transaction that ended at this position. */
export function movedTo(
  lsn: bigint,
  stored: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const at = Number(lsn);
  return { ...stored, lsn: at, lsn_proc: at, lsn_commit: at, messageType: 'COMMIT' };
}
