import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { countBrokers, metadataRequest, parseBrokerCount } from '../../stack/kafka-probe.ts';

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer(onConnection);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test('the request is Metadata, version 1, for no topics', () => {
  expect(metadataRequest().toString('hex')).toBe(
    '0000000e' + '0003' + '0001' + '00000001' + 'ffff' + '00000000',
  );
});

test.each([
  ['one broker', '0000000100000001', 1],
  ['none yet', '0000000100000000', 0],
])('an answer with %s', (_, hex, count) => {
  expect(parseBrokerCount(Buffer.from(hex, 'hex'))).toBe(count);
});

test.each([
  ['too short', '00000001'],
  ['of another protocol', Buffer.from('HTTP/1.1 400').toString('hex')],
])('an answer that is %s is none', (_, hex) => {
  expect(() => parseBrokerCount(Buffer.from(hex, 'hex'))).toThrow('no answer of a Kafka broker');
});

test('an answer that arrives in pieces is put together', async () => {
  const answer = Buffer.from('0000000800000001' + '00000001', 'hex');
  const port = await listen((socket) => {
    socket.once('data', () => {
      socket.write(answer.subarray(0, 3), () => socket.write(answer.subarray(3)));
    });
  });
  expect(await countBrokers(port)).toBe(1);
});

test('a server that hangs up has not answered', async () => {
  const port = await listen((socket) => {
    socket.once('data', () => socket.end());
  });
  await expect(countBrokers(port)).rejects.toThrow('closed before it answered');
});
