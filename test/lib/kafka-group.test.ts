import { expect, test } from 'vitest';
import { readGroup } from '../../lib/kafka-group.ts';
import type { Admin } from '../../lib/kafka.ts';

/*
 * A group of Kafka's new rebalance protocol, recorded from a broker 4.3.1 while its console consumer was in the group with
 * group.protocol=consumer: kafkajs is told that the group is dead.
 */
const GROUP = 'agent-history-projector';
const ANSWER =
  '000000000002000000186167656e742d686973746f72792d70726f6a6563746f7207537461626c65000000080000000808756e69666f726d021735425f635976736151464b546170677052504357347700000000000811636f6e736f6c652d636f6e73756d65720b2f3132372e302e302e31021e61616f2e7075626c69632e6167656e745f746573745f686973746f72790102a4de6a75f5f348b0af3232e26f00b6be1e61616f2e7075626c69632e6167656e745f746573745f686973746f72790500000000000000010000000200000003000002a4de6a75f5f348b0af3232e26f00b6be1e61616f2e7075626c69632e6167656e745f746573745f686973746f72790500000000000000010000000200000003000000800000000000';
const REQUEST = '0002186167656e742d686973746f72792d70726f6a6563746f720000';

interface Exchange {
  readonly request: { apiKey: number; encode(): Promise<{ buffer: Buffer }> };
  readonly response: { decode(payload: Buffer): Promise<unknown>; parse(decoded: unknown): Promise<unknown> };
}

const admin = (listed: readonly string[]) =>
  ({
    describeGroups: () => Promise.resolve({ groups: [{ groupId: GROUP, state: 'Dead', members: [] }] }),
    listGroups: () => Promise.resolve({ groups: listed.map((groupId) => ({ groupId })) }),
  }) as unknown as Admin;

test('its members are asked of the coordinator, in the bytes that the broker understood', async () => {
  const sent: string[] = [];
  const sender = {
    send: async (exchange: { readonly request: object; readonly response: object }) => {
      const { request, response } = exchange as Exchange;
      sent.push(`${String(request.apiKey)} ${(await request.encode()).buffer.toString('hex')}`);
      return await response.parse(await response.decode(Buffer.from(ANSWER, 'hex')));
    },
  };
  const members = await readGroup(admin([GROUP]), GROUP, (ask) => ask(sender));
  expect(members).toEqual({ ours: 0, strangers: [{ clientId: 'console-consumer', host: '127.0.0.1' }] });
  expect(sent).toEqual([`69 ${REQUEST}`]);
});

test('a group that no broker lists does not exist, and nobody is asked', async () => {
  const refuse = () => Promise.reject(new Error('asked'));
  expect(await readGroup(admin(['another']), GROUP, refuse)).toBeUndefined();
});
