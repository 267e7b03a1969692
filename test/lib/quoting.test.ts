import { expect, test } from 'vitest';
import { failed } from '../../operations/checks/verdict.ts';
import { identifier, keyword, literal, remark, shell, sql } from '../../lib/quoting.ts';

test('every value is quoted for its place', () => {
  const name = `a"b'; DROP TABLE x; --`;
  expect(sql`ALTER ROLE ${identifier(name)} LOGIN;`).toBe(`ALTER ROLE "a""b'; DROP TABLE x; --" LOGIN;`);
  expect(sql`SELECT ${literal(name)}, ${5}`).toBe(`SELECT 'a"b''; DROP TABLE x; --', 5`);
  expect(shell`run ${name} ${'plain-1'}`).toBe(`run 'a"b'\\''; DROP TABLE x; --' plain-1`);
  expect(identifier('a\n\\"')).toBe('U&"a\\000a\\\\"""');
  expect(remark('a\r\nb')).toBe('a  b');
  expect(() => keyword('SELECT; DROP')).toThrow();
});

test('the compiler refuses a fix that was put together without quoting', () => {
  const name = ['x'].join('');
  failed('', 'a constant text');
  failed('', sql`DROP ROLE ${identifier(name)};`);
  // @ts-expect-error: a template with an unquoted value
  failed('', `DROP ROLE ${name};`);
  // @ts-expect-error: a text of which nothing is known
  failed('', name);
  // @ts-expect-error: SQL takes no plain text
  expect(sql`DROP ROLE ${name};`).toBe('DROP ROLE x;');
});
