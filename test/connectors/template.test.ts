import { expect, test } from 'vitest';
import { fillTemplate } from '../../connectors/deploy/template.ts';
import { FatalError } from '../../lib/errors.ts';

test('fills every placeholder, each time it occurs, and leaves the references of Connect alone', () => {
  expect(fillTemplate('{{a}}-{{b}}-{{a}} ${env:SECRET}', { a: '1', b: '$&' })).toBe('1-$&-1 ${env:SECRET}');
});

test('does not fill what a value brought in', () => {
  expect(fillTemplate('{{a}}', { a: '{{b}}', b: 'no' })).toBe('{{b}}');
});

test.each([
  ['{{unknown}}', 'a name that nothing fills'],
  ['{{unset}}', 'a name without a value'],
  ['{{ a }}', 'a name with blanks'],
  ['{{toString}}', 'a name that every object has'],
])('%s, %s, is an error that names it and what there is', (template) => {
  const fill = () => fillTemplate(template, { a: '1', unset: undefined });
  expect(fill).toThrow(FatalError);
  expect(fill).toThrow(template);
  let wayOut = '';
  try {
    fill();
  } catch (error) {
    if (error instanceof FatalError) wayOut = error.wayOut;
  }
  expect(wayOut).toContain('{{a}}');
  expect(wayOut).not.toContain('{{unset}}');
});
