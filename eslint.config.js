import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import { importDirections } from './lint/import-directions.js';
import { defineConfig, globalIgnores } from 'eslint/config';

export default defineConfig(
  globalIgnores(['node_modules', 'dist', '.stack', 'coverage', 'bin', 'lint', 'eslint.config.js']),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { rooms: { rules: { 'import-directions': importDirections } } },
    rules: {
      'rooms/import-directions': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'exports are named' },
      ],
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      'max-params': ['error', 3],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'kafkajs', message: 'only lib/kafka.ts imports it' }] },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'only cli/main.ts reads the environment' },
      ],
    },
  },
  { files: ['lib/kafka.ts'], rules: { 'no-restricted-imports': 'off' } },
  { files: ['cli/main.ts', 'bench/**'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: ['test/**'],
    rules: {
      'max-lines': ['error', 300],
      'max-lines-per-function': 'off',
      'no-restricted-properties': 'off',
    },
  },
  // A list of texts, and no code.
  // Grafana provisions dashboards of the classic kind from files; its SDK prefers the new one.
  { files: ['observability/**'], rules: { '@typescript-eslint/no-deprecated': 'off' } },
  { files: ['lib/error-codes.ts', 'lib/metrics.ts'], rules: { 'max-lines': ['error', 300] } },
  { files: ['*.config.ts'], rules: { 'no-restricted-syntax': 'off' } },
);
