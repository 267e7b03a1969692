import { expect, test } from 'vitest';
import { valueOf, type Answer } from '../../operations/facts/answer.ts';
import { Paced } from '../../operations/facts/paced.ts';
import { until } from '../support/until.ts';

const value = <T>(answer: Answer<T>) => valueOf(answer);

test('what is asked again before it has rested is the same answer, with its time', async () => {
  let asked = 0;
  const paced = new Paced(() => Promise.resolve(++asked), { restMs: 3_600_000 });
  const first = await paced.latest();
  expect(await paced.latest()).toBe(first);
  expect({ asked, value: value(first) }).toEqual({ asked: 1, value: 1 });
});

test('what is cheap is waited for, once it has rested', async () => {
  let [asked, now] = [0, 0];
  const paced = new Paced(() => Promise.resolve(++asked), { restMs: 10, now: () => now });
  await paced.latest();
  now = 9;
  expect(value(await paced.latest())).toBe(1);
  now = 10;
  expect(value(await paced.latest())).toBe(2);
});

test('what is dear rests twenty times as long, and is then asked behind the back of whoever looks, once', async () => {
  let [asked, now] = [0, 0];
  let answer: (value: string) => void = () => undefined;
  const ask = async () => {
    asked += 1;
    if (asked > 1) return await new Promise<string>((resolve) => (answer = resolve));
    now += 1_000;
    return 'first';
  };
  const paced = new Paced(ask, { restMs: 10, now: () => now });
  const looks = async () => ({ value: value(await paced.latest()), asked });
  expect(await looks()).toEqual({ value: 'first', asked: 1 });
  now = 20_999;
  expect(await looks()).toEqual({ value: 'first', asked: 1 });
  now = 21_000;
  expect(await looks()).toEqual({ value: 'first', asked: 2 });
  expect(await looks()).toEqual({ value: 'first', asked: 2 });
  answer('second');
  await until('the answer is shown', async () => value(await paced.latest()) === 'second');
});

test('however dear it is, it is asked again after a minute, or what is told in place of it', async () => {
  for (const [longestRestMs, rest] of [
    [undefined, 60_000],
    [5_000, 5_000],
  ] as const) {
    let [asked, now] = [0, 0];
    const ask = () => {
      now += 10_000;
      return Promise.resolve(++asked);
    };
    const paced = new Paced(ask, {
      restMs: 10,
      now: () => now,
      ...(longestRestMs === undefined ? {} : { longestRestMs }),
    });
    await paced.latest();
    now += rest - 1;
    await paced.latest();
    expect(asked).toBe(1);
    now += 1;
    await paced.latest();
    expect(asked).toBe(2);
  }
});

test('what took long and failed is waited for all the same, and asked once for all who look', async () => {
  let [asked, now] = [0, 0];
  const ask = () => {
    now += 1_000;
    return ++asked === 1 ? Promise.reject(new Error('away')) : Promise.resolve('back');
  };
  const paced = new Paced(ask, { restMs: 3_600_000, now: () => now });
  expect((await paced.latest()).known).toBe(false);
  expect((await Promise.all([paced.latest(), paced.latest()])).map(value)).toEqual(['back', 'back']);
  expect(asked).toBe(2);
});

test('what gives no answer in its time is not known', async () => {
  const paced = new Paced(() => new Promise<never>(() => undefined), { restMs: 10, withinMs: 20 });
  expect(await paced.latest()).toMatchObject({ known: false, why: 'no answer within 0.02 s' });
});

test('what failed is asked at once, and waited for', async () => {
  let asked = 0;
  const paced = new Paced(
    () => (++asked === 1 ? Promise.reject(new Error('away\nfor now')) : Promise.resolve('back')),
    { restMs: 3_600_000 },
  );
  expect(await paced.latest()).toMatchObject({ known: false, why: 'away' });
  expect(value(await paced.latest())).toBe('back');
});
