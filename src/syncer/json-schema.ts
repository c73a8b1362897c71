import { z } from 'zod';
import { syncerConfigSchema } from './config';

type Node = Record<string, unknown>;

/** JSON Schema of the file of Syncer, for editors. Only Syncer itself checks what depends on several keys. */
export function syncerJsonSchema(): Node {
  const made: Node = z.toJSONSchema(syncerConfigSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ zodSchema, jsonSchema }) => {
      setDefault(zodSchema, jsonSchema);
    },
  });
  const { $schema, properties, ...rest } = made;
  return {
    $schema,
    title: 'Configuration of Syncer',
    ...rest,
    properties: {
      $schema: { type: 'string', description: 'this JSON Schema, for editors; Syncer does not read it' },
      ...(properties as Node),
    },
  };
}

/** zod leaves the default of a value out that is read from text. That of a section would be in the form after parsing. */
function setDefault(read: z.core.$ZodType, node: Node): void {
  delete node['default'];
  const value: unknown = read instanceof z.ZodDefault ? read.def.defaultValue : undefined;
  if (['number', 'boolean'].includes(typeof value) || (typeof value === 'string' && value !== ''))
    node['default'] = value;
}
