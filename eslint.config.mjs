import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';
import { builtinModules } from 'node:module';

/** Node modules that the workflow sandbox provides; all others would break determinism or the bundle. */
const ALLOWED_IN_WORKFLOWS = new Set(['assert', 'url', 'util']);

/**
 * Folders from the bottom to the top: each imports from those before it only, types included. So there is no circle of
 * folders, and a reader who goes down never comes back up.
 */
const LAYERS = {
  src: [
    'concurrency',
    'network',
    'rules',
    'contract',
    'consul',
    'vault',
    'config',
    'sync-info',
    'access',
    'activities',
    'temporal',
    'feed',
    'workflows',
    'worker',
    'migrate',
    'syncer',
    'cli',
  ],
  'src/activities': ['shared', 'origin', 'destination'],
  'src/activities/destination': [
    'base',
    'deletes',
    'copy',
    'push',
    'claims',
    'watch',
    'cycle',
    'verify',
    'plan',
  ],
  dev: ['shared', 'servers', 'demo', 'bench', 'scripts'],
};

/** Tests use src and dev, never the reverse. */
const NOT_TESTS = {
  regex: '^(\\.\\./)+test/',
  message: 'Tests use this folder: move what both need into dev/shared.',
};

/** What one folder may not import, as patterns of `no-restricted-imports`. */
function above(top, folder) {
  const layers = LAYERS[top];
  const higher = layers.slice(layers.indexOf(folder) + 1);
  if (higher.length === 0) return [];
  return [
    {
      regex: `^(\\.\\./)+(${higher.join('|')})(/|$)`,
      message: `${top}/${folder} is below this folder (LAYERS in eslint.config.mjs): move what both need down.`,
    },
  ];
}

/** The patterns of a folder and of those that it is in. */
function arrowsOf(path) {
  const patterns = Object.keys(LAYERS).flatMap((top) =>
    path.startsWith(`${top}/`) ? above(top, path.slice(top.length + 1).split('/')[0]) : [],
  );
  return [NOT_TESTS, ...patterns];
}

/** A rule for each folder. The last one that fits a file counts, so inner folders repeat the patterns of outer ones. */
const arrows = Object.entries(LAYERS).flatMap(([top, layers]) =>
  layers
    .map((folder) => `${top}/${folder}`)
    .filter((path) => path !== 'src/workflows')
    .map((path) => ({
      files: [`${path}/**/*.{ts,mjs}`],
      rules: { 'no-restricted-imports': ['error', { patterns: arrowsOf(path) }] },
    })),
);

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
    // For njs, which takes ES modules.
    files: ['deploy/nginx/*.js'],
    languageOptions: { sourceType: 'module' },
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
  ...arrows,
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
            ...arrowsOf('src/workflows'),
            {
              regex: '^\\.\\./(?!(contract|rules)/|limits$)',
              message:
                'Workflows import from src/workflows, src/contract, src/rules and src/limits.ts only, types included.',
            },
          ],
        },
      ],
    },
  },
  {
    // Loaded late, so that a command takes no longer to start than it has to.
    files: [
      'src/cli/index.ts',
      'src/cli/syncer.ts',
      'src/syncer/instances/create.ts',
      'src/syncer/service.ts',
    ],
    rules: {
      '@typescript-eslint/no-require-imports': ['error', { allow: ['^\\./'] }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
    },
  },
  {
    files: ['dev/**', 'src/cli/**'],
    rules: { 'no-console': 'off' },
  },
);
