import { z } from 'zod';
import { TransformError } from '../sync/errors';
import { compileTransforms } from '../sync/transform';
import { expecting, text } from './fields';

/** `destination.transforms`. */
export const transforms = z
  .array(
    z.strictObject({
      name: text('a name as text').min(1, 'is empty').describe('name for logs and reports'),
      from: text('a regular expression as text')
        .min(1, 'is empty')
        .describe('Go (RE2) regular expression with named groups, searched in the data path'),
      to: text('a path as text')
        .min(1, 'is empty')
        .describe('new data path; a part that is the name of a group becomes what the group matched'),
    }),
    expecting('a list of transforms, each with name, from and to'),
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
  .default([])
  .describe('how paths change on their way; in order, the first that matches wins');
