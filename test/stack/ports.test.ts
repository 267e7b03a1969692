import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { isFree, pickPort } from '../../stack/ports.ts';

test('a port is free until somebody listens, and again after', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect(await isFree(port)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await isFree(port)).toBe(true);
});

test('a picked port is free, below the range of outgoing connections, and not one of those given', async () => {
  const taken = new Set<number>();
  for (let count = 0; count < 20; count += 1) {
    const port = await pickPort(taken);
    expect(taken.has(port)).toBe(false);
    expect(port).toBeGreaterThanOrEqual(20_000);
    expect(port).toBeLessThan(32_768);
    expect(await isFree(port)).toBe(true);
    taken.add(port);
  }
});

test('a port that somebody has picked is not picked again, though nobody listens on it yet', async () => {
  const picked = await Promise.all(Array.from({ length: 300 }, () => pickPort(new Set())));
  expect(new Set(picked).size).toBe(300);
});
