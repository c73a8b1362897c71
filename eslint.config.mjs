import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';
import { builtinModules } from 'node:module';

/** Node modules that the workflow sandbox provides; all others would break determinism or the bundle. */
const ALLOWED_IN_WORKFLOWS = new Set(['assert', 'url', 'util']);

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/'] },
  js.configs.recommended,
  {
    files: ['**/*.{js,mjs}', 'bin/vsync'],
    languageOptions: { globals: globals.node },
  },
  {
    files: ['**/*.js', 'bin/vsync'],
    languageOptions: { sourceType: 'commonjs' },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // A forgotten await loses an error: in this project that can mean a lost secret.
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'error',
    },
  },
  {
    files: ['src/workflows/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: builtinModules
            .filter((name) => !ALLOWED_IN_WORKFLOWS.has(name))
            .flatMap((name) => [name, `node:${name}`])
            .map((name) => ({ name, message: 'Workflows are deterministic: do this in an activity.' })),
          patterns: [
            {
              regex: '^\\.\\./(activities|vault|consul|config|telemetry)/',
              allowTypeImports: true,
              message: 'Workflows may import only types from outside src/workflows and src/sync.',
            },
          ],
        },
      ],
    },
  },
  {
    // Loaded late, so that a command takes no longer to start than it has to.
    files: ['src/cli.ts'],
    rules: {
      '@typescript-eslint/no-require-imports': ['error', { allow: ['^\\./commands/'] }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
    },
  },
  {
    files: ['demo/**/*.ts', 'src/cli.ts', 'src/commands/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['scripts/**', 'demo/**'],
    rules: { 'no-console': 'off' },
  },
);
