import { mountRuleChecks } from '../../../src/cli/check/mount-rules';
import { loadConfig } from '../../../src/config/load';
import type { MountRules } from '../../../src/vault/kv2';
import { configFile, removeConfigFiles, section } from '../../config/fixtures';

afterAll(removeConfigFiles);

const rules = (delete_version_after: string, max_versions = 0): MountRules => {
  return { delete_version_after, max_versions };
};

interface Case {
  here: MountRules | undefined;
  there: MountRules | undefined;
  syncMetadata?: boolean;
  transforms?: object[];
}

function warnings({ here, there, syncMetadata = false, transforms = [] }: Case): string[] {
  const content = { syncMetadata, origin: section(), destination: section({ transforms }) };
  const { config } = loadConfig('destination', { file: configFile(content), env: {} });
  const of = (mount: MountRules | undefined): Map<string, MountRules> =>
    new Map(mount === undefined ? [] : [['secret/', mount]]);
  const checks = mountRuleChecks(config, { origin: of(there), destination: of(here) });
  expect(checks.every(({ outcome }) => outcome === 'warning')).toBe(true);
  return checks.map(({ detail }) => detail.replace(/[:,] .*/, ''));
}

const ENDS = 'delete_version_after is 1h0m0s';

test.each<[what: string, Case, string[]]>([
  ['no rules', { here: rules('0s'), there: rules('0s') }, []],
  ['rules that the tokens may not read', { here: undefined, there: undefined }, []],
  [
    'a rule at the destination alone',
    { here: rules('1h0m0s'), there: rules('0s') },
    [`${ENDS} (at the origin`],
  ],
  [
    'a rule at the destination, with unknown rules at the origin',
    { here: rules('1h0m0s'), there: undefined },
    [ENDS],
  ],
  [
    'a shorter rule at the destination',
    { here: rules('1h0m0s'), there: rules('2h0m0s') },
    [`${ENDS} (at the origin`],
  ],
  ['the same rule', { here: rules('1h0m0s'), there: rules('1h0m0s') }, []],
  ['a longer rule at the destination', { here: rules('2h0m0s'), there: rules('1h0m0s') }, []],
  ['a rule at the origin alone', { here: rules('0s'), there: rules('1h0m0s') }, []],
  [
    'the same rule, and transforms that may move secrets from another mount',
    { here: rules('1h0m0s'), there: rules('1h0m0s'), transforms: [{ name: 'x', from: '(?P<a>x)', to: 'a' }] },
    [ENDS],
  ],
  ['rules switched off, without settings', { here: rules('-1s'), there: rules('0s') }, []],
  [
    'rules switched off, with settings',
    { here: rules('-1s'), there: rules('0s'), syncMetadata: true },
    ['delete_version_after is -1s'],
  ],
  ['rules switched off at both ends', { here: rules('-1s'), there: rules('-1s'), syncMetadata: true }, []],
  [
    'another number of versions, with settings',
    { here: rules('0s', 20), there: rules('0s', 5), syncMetadata: true },
    ['max_versions is 20'],
  ],
  ['another number of versions, without settings', { here: rules('0s', 20), there: rules('0s', 5) }, []],
])('mountRuleChecks warns only of rules that the origin lacks: %s', (_what, given, expected) => {
  expect(warnings(given)).toEqual(expected);
});
