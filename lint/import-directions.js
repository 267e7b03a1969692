import path from 'node:path';
import { whyForbidden } from './rooms.js';

const root = path.join(import.meta.dirname, '..');
const inCheckout = (file) => path.relative(root, file).split(path.sep).join('/');

/** The ESLint rule: imports between the rooms of rooms.js go one way. */
export const importDirections = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const check = ({ source }) => {
      if (typeof source?.value !== 'string' || !source.value.startsWith('.')) return;
      const imported = path.join(path.dirname(context.filename), source.value);
      const message = whyForbidden(inCheckout(context.filename), inCheckout(imported));
      if (message !== undefined) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};
