import { z } from 'zod';
import { TransformError } from '../rules/errors';
import { cleanPath } from '../rules/paths';
import { compileTransforms } from '../rules/transform';
import { expecting, text } from './fields';

/** `destination.transforms`. */
export const transforms = z
  .array(
    z.strictObject({
      name: text('a name as text')
        .default('')
        .describe('name in logs and reports; its position in the list if not given'),
      from: text('a regular expression as text')
        .default('')
        .describe(
          'Go (RE2) regular expression with named groups, searched in the data path; without a named group it matches nothing',
        ),
      to: text('a path as text')
        .refine((to) => cleanPath(to) !== '', 'is empty')
        .refine((to) => !leadsOut(to), 'leads out of Vault; remove a ".."')
        .describe(
          'new data path; a part that equals the name of a group is replaced by what the group matched',
        ),
    }),
    expecting('a list of transforms, each with from and to'),
  )
  .superRefine((rules, context) => {
    for (const [position, rule] of rules.entries()) {
      try {
        compileTransforms([rule]);
      } catch (error) {
        if (!(error instanceof TransformError)) throw error;
        context.addIssue({ code: 'custom', path: [position, 'from'], message: error.problem });
      }
    }
  })
  .transform((rules) =>
    rules.map((rule, position) => ({
      ...rule,
      name: rule.name === '' ? `transforms[${position}]` : rule.name,
    })),
  )
  .default([])
  .describe('how paths change on the way to the destination; in order, the first match wins');

/** More ".." than parts before them: the original would send such a path to something else than secrets. */
function leadsOut(to: string): boolean {
  let depth = 0;
  for (const segment of to.split('/')) {
    if (segment === '..') depth--;
    else if (segment !== '' && segment !== '.') depth++;
    if (depth < 0) return true;
  }
  return false;
}
