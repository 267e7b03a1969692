import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { bad, drawScreen, good, indented, verbatim } from '../../lib/screen.ts';
import { rowsOnly, tableOf } from '../../lib/table.ts';

const ID = '0b6f2a5e-8f9c-4d63-9f3b-2c1d7e5a4b10';
const TABLE = tableOf(
  ['condition', 'rows', 'legacy row', 'what is missing'],
  [
    ['quiet', 12_345, ID, 'nobody has written to the legacy table for as many days as the setting asks for'],
    ['proven', 7, ID, ''],
  ],
);

const widest = (text: string) => Math.max(...text.split('\n').map((line) => stringWidth(line)));

test('without a terminal each row is one line', () => {
  expect(drawScreen([TABLE])).toBe(
    `condition    rows  legacy row                            what is missing
quiet      12,345  ${ID}  nobody has written to the legacy table for as many days as the setting asks for
proven          7  ${ID}`,
  );
});

test('where it fits it is the same on a terminal', () => {
  expect(drawScreen([TABLE], { columns: 200 })).toBe(drawScreen([TABLE]));
});

test('the column of prose is wrapped, and no other', () => {
  expect(drawScreen([TABLE], { columns: 100 })).toBe(
    `condition    rows  legacy row                            what is missing
quiet      12,345  ${ID}  nobody has written to the legacy table for
                                                         as many days as the setting asks for
proven          7  ${ID}`,
  );
});

test('where the columns do not fit beside each other, each row is a block', () => {
  expect(drawScreen([TABLE], { columns: 60 })).toBe(
    `condition        quiet
rows             12,345
legacy row       ${ID}
what is missing  nobody has written to the legacy table for
                 as many days as the setting asks for

condition        proven
rows             7
legacy row       ${ID}`,
  );
});

test('an id is never broken, so that it can be copied', () => {
  const text = drawScreen([TABLE], { columns: 40 });
  expect(text).toContain(`legacy row\n  ${ID}\n`);
  expect(widest(text)).toBeLessThanOrEqual(40);
  expect(drawScreen([TABLE], { columns: 20 })).toContain(ID);
});

test('rows without a head become a line with their last cell below', () => {
  const rows = rowsOnly([
    ['', good('ok'), 'connector', 'RUNNING, and its heartbeat came through'],
    'SELECT pg_terminate_backend(4711), of a statement to copy',
    'a line across all columns, of prose',
    ['', '', '', 'since yesterday'],
  ]);
  expect(drawScreen([rows], { columns: 30 })).toBe(`ok  connector
  RUNNING, and its heartbeat
  came through
SELECT pg_terminate_backend(4711), of a statement to copy
a line across all columns, of
prose
  since yesterday`);
});

test.each([40, 80, 120])('nothing is wider than %s columns, whatever the words', (columns) => {
  const words = ['a', 'of', 'rows', 'projector', '漢字', 'e\u0301', '👩‍👩‍👧', 'agent_compliance_runs'];
  const cell = (n: number) => Array.from({ length: n }, (_, at) => words[(at * 7 + n) % 8]).join(' ');
  const table = tableOf(
    ['one', 'two', 'three'],
    Array.from({ length: 20 }, (_, n) => [cell(n % 5), n, cell(n)]),
  );
  expect(widest(drawScreen([table, indented(4, [table])], { columns }))).toBeLessThanOrEqual(columns);
});

describe('what a character takes:', () => {
  test.each([
    ['Chinese', '漢字', 4],
    ['an emoji of several characters', '👩‍👩‍👧', 2],
    ['a letter with a combining accent', 'e\u0301', 1],
    ['Hebrew with points', 'שָׁלוֹם', 4],
  ])('%s', (_, text, width) => {
    const [, first = '', second = ''] = drawScreen([
      tableOf(
        ['a', 'b'],
        [
          [text, 'x'],
          ['.....', 'x'],
        ],
      ),
    ]).split('\n');
    expect(first).toBe(`${text}${' '.repeat(7 - width)}x`);
    expect(second).toBe('.....  x');
  });

  test('a line may end between Chinese characters, which have no spaces', () => {
    expect(drawScreen('一二三四五六', { columns: 6 })).toBe('一二三\n四五六');
  });

  test('a control character is its escape, and takes the place of that', () => {
    const [, line = ''] = drawScreen([tableOf(['a', 'b'], [['\u001b[2J\n', 'x']])]).split('\n');
    expect(line).toBe(String.raw`\u001b[2J\n  x`);
  });
});

test('a short command stays in one piece', () => {
  expect(drawScreen('there is none: `history-cdc stack up` makes one', { columns: 24 })).toBe(
    'there is none:\n`history-cdc stack up`\nmakes one',
  );
});

test('text is wrapped below its own beginning, and what is to be copied is not', () => {
  const parts = ['  - one two three four', verbatim('history-cdc connector apply --json')];
  expect(drawScreen(parts, { columns: 16 })).toBe(
    '  - one two\n    three four\nhistory-cdc connector apply --json',
  );
});

test('colours are around the words of our own, and none comes from the data', () => {
  const parts = [bad('WRONG'), rowsOnly([[good('ok'), '\u001b[31mred']])];
  expect(drawScreen(parts, { colours: true })).toBe(
    `\u001b[31mWRONG\u001b[39m\n\u001b[32mok\u001b[39m  ${String.raw`\u001b[31mred`}`,
  );
  expect(drawScreen(parts)).toBe(`WRONG\nok  ${String.raw`\u001b[31mred`}`);
});
