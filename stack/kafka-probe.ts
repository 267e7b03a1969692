import { connect } from 'node:net';

const METADATA_REQUEST = 3;
const VERSION = 1;
const CORRELATION = 1;
const TIMEOUT_MS = 3000;

/**
 * Asks the broker at this port, with Kafka's Metadata request, how many brokers are ready. An open port is not enough:
 * a broker accepts connections before the controller lets it serve. The request is written out here, because only one
 * file imports the Kafka client, and the client's retries and logs do not suit a question that is asked ten times a
 * second.
 */
export async function countBrokers(port: number): Promise<number> {
  return parseBrokerCount(await exchange(port, metadataRequest()));
}

/** Header: api key, version, correlation id, no client id. Body: an array of no topics. */
export function metadataRequest(): Buffer {
  const body = Buffer.alloc(14);
  body.writeInt16BE(METADATA_REQUEST, 0);
  body.writeInt16BE(VERSION, 2);
  body.writeInt32BE(CORRELATION, 4);
  body.writeInt16BE(-1, 8);
  body.writeInt32BE(0, 10);
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

/**
 * Reads the answer, without its leading length: the correlation id, then the array of brokers. Only the array's length
 * matters.
 */
export function parseBrokerCount(answer: Buffer): number {
  if (answer.length < 8 || answer.readInt32BE(0) !== CORRELATION)
    throw new Error('no answer of a Kafka broker');
  return answer.readInt32BE(4);
}

async function exchange(port: number, request: Buffer): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: TIMEOUT_MS });
    let received = Buffer.alloc(0);
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.once('connect', () => socket.write(request));
    socket.once('error', fail);
    socket.once('timeout', () => {
      fail(new Error('no answer'));
    });
    socket.once('close', () => {
      reject(new Error('closed before it answered'));
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      socket.destroy();
      resolve(received.subarray(4));
    });
  });
}
