import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { ConfigError } from '../../src/config/errors';
import { loadConfig } from '../../src/config/load';
import { configFile, removeConfigFiles, section, SECRET } from './fixtures';

afterAll(removeConfigFiles);

const FILES = {
  'config.json': JSON.stringify({ origin: section(), destination: section() }, null, 2),
  'config.yaml': `
origin:
  vault:
    address: https://vault.example.com:8200
    token: ${SECRET}-token
  consul: { address: "c:1", token: '${SECRET}' }
  mounts:
    - secret/
destination:
  vault: { address: "http://a", approle: { role_id: r, secret_id: "${SECRET}" } }
  consul: { address: c:1 }
  mounts: [secret/]
`,
  'config.hcl': `
origin {
  vault { address = "http://a" token = "${SECRET}-token" }
  consul = { address = "c:1", token = "${SECRET}" }
  mounts = ["secret/"]
}
destination {
  vault { address = "http://a" approle { role_id = "r" secret_id = "${SECRET}" } }
  consul { address = "c:1" }
  mounts = ["secret/"]
}
`,
};

/** A typo: some characters replaced by others. */
const slip = fc.record({
  at: fc.nat(),
  length: fc.integer({ min: 0, max: 3 }),
  by: fc.string({
    unit: fc.constantFrom(...Array.from('"\' \n\t:,{}[]#&*!-?|=\\x')),
    maxLength: 3,
  }),
});

describe.each(Object.entries(FILES))('loadConfig, for typos in %s,', (name, text) => {
  const file = configFile(text, name);

  it('returns a configuration or throws a ConfigError, and shows no secret', () => {
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation();
    fc.assert(
      fc.property(fc.array(slip, { minLength: 1, maxLength: 3 }), (slips) => {
        const slipped = slips.reduce((before, { at, length, by }) => {
          const start = at % before.length;
          return before.slice(0, start) + by + before.slice(start + length);
        }, text);
        writeFileSync(file, slipped);
        try {
          loadConfig('destination', { file, env: {} });
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          expect(String(error)).not.toContain('CAES');
        }
      }),
      { numRuns: 300 },
    );
    expect(warning).not.toHaveBeenCalled();
    warning.mockRestore();
  });
});
