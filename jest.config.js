'use strict';

/** Settings that every kind of test shares. */
const common = {
  testEnvironment: 'node',
  transform: { '^.+\\.[cm]?[jt]s$': ['@swc/jest', { jsc: { target: 'es2022' } }] },
  // These packages are published as ES modules only; the tests run as CommonJS.
  transformIgnorePatterns: [
    '/node_modules/(?!(p-throttle|yocto-queue|@kubernetes/client-node|openid-client|oauth4webapi|jose)/)',
  ],
  setupFilesAfterEnv: ['<rootDir>/test/support/setup.ts'],
};

/** For tests that run workflows in their own process. */
const withWorkflows = [...common.setupFilesAfterEnv, '<rootDir>/test/support/no-promise-hooks.ts'];

/** @type {import('jest').Config} */
module.exports = {
  // Integration tests wait for servers a third of their time: on two cores a third process uses that time.
  maxWorkers: 3,
  // What tests leave behind in a process, workflow sandboxes above all, makes collecting garbage slow.
  workerIdleMemoryLimit: '1GB',
  testSequencer: '<rootDir>/test/support/longest-first.js',
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: [
        '/node_modules/',
        '<rootDir>/test/(integration|replay)/',
        '<rootDir>/test/chaos/chaos.test.ts',
      ],
    },
    {
      ...common,
      displayName: 'replay',
      setupFilesAfterEnv: withWorkflows,
      testMatch: ['<rootDir>/test/replay/**/*.test.ts'],
      globalSetup: '<rootDir>/test/support/bundle-setup.ts',
    },
    {
      ...common,
      displayName: 'integration',
      setupFilesAfterEnv: [...withWorkflows, '<rootDir>/test/support/integration-env.ts'],
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
      globalSetup: '<rootDir>/test/support/integration-setup.ts',
      globalTeardown: '<rootDir>/test/support/integration-teardown.ts',
    },
    {
      // On servers of its own, which it kills.
      ...common,
      displayName: 'chaos',
      setupFilesAfterEnv: [...common.setupFilesAfterEnv, '<rootDir>/test/support/integration-env.ts'],
      testMatch: ['<rootDir>/test/chaos/chaos.test.ts'],
    },
  ],
};
