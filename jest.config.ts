/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

/**
 * The package is ESM, but tests run as CommonJS: ts-jest transforms on the fly, so Node needs no experimental flag and
 * mocks stay ordinary. `spec/package.spec.ts` proves the built ESM under plain node. Types are checked by `npm run typecheck`.
 */
const config: Config = {
  testMatch: ['<rootDir>/spec/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/spec/bench/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/spec/bench/'],
  testEnvironment: 'node',
  // `HOLDFAST_RUNTIME=xstate npx jest …` runs every engine of the tests on XState's own actors.
  setupFiles: process.env['HOLDFAST_RUNTIME'] === undefined ? [] : ['<rootDir>/spec/runtime/chosen-runtime.ts'],
  setupFilesAfterEnv: ['<rootDir>/spec/strict-steps.ts'],
  moduleNameMapper: {
    '^#platform$': '<rootDir>/adapters/node.ts',
    '^holdfast$': '<rootDir>/adapters/index.ts',
    '^holdfast/(.*)$': '<rootDir>/$1',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  // @noble's packages are ESM alone.
  transformIgnorePatterns: ['/node_modules/(?!@noble/)'],
  transform: {
    '(^.+\\.ts|/@noble/.+\\.js)$': [
      'ts-jest',
      {
        tsconfig: {
          target: 'ES2022',
          module: 'CommonJS',
          moduleResolution: 'Node10',
          ignoreDeprecations: '6.0',
          isolatedModules: true,
          allowJs: true,
          esModuleInterop: true,
          sourceMap: true,
          inlineSources: true,
        },
        diagnostics: { ignoreCodes: [1343] },
        astTransformers: { before: ['<rootDir>/.config/import-meta.cjs'] },
      },
    ],
  },
};

export default config;
