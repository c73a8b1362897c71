import { withFile } from '../../src/cli/options';

test.each([
  ['the file of the command', ['site1.yaml'], 'run: vsync start -c site1.yaml'],
  ['a quoted file, if a shell needs it', ["it's a.yaml"], "run: vsync start -c 'it'\\''s a.yaml'"],
  ['FILE, if the command has several', ['a.yaml', 'b.yaml'], 'run: vsync start -c FILE'],
  ['FILE, if there is none', [], 'run: vsync start -c FILE'],
])('withFile names %s', (_what, files, text) => {
  expect(withFile('run: vsync start -c FILE', new Set(files))).toBe(text);
});
