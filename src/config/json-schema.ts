import { z } from 'zod';
import { rootKey, type Key } from './keys';
import { destinationConfigSchema } from './schema';

/** A JSON Schema (draft 7, which editors know best), or a part of one. */
type Node = Record<string, unknown>;

/**
 * The configuration file as a JSON Schema, for editors: one for both roles, so the section `destination` need not
 * be there. It is stricter than the loader, which also takes keys in another case and text for numbers. What may
 * come from the environment, such as a token, is not required; addresses and mounts are.
 */
export function configJsonSchema(): Node {
  const {
    $schema,
    required: _all,
    properties,
    ...rest
  } = z.toJSONSchema(destinationConfigSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      tidy(jsonSchema);
    },
  }) as Node;
  describeKeys(rootKey, { properties });
  return {
    $schema,
    title: 'Configuration of vsync',
    ...rest,
    required: ['origin'],
    properties: {
      $schema: { type: 'string', description: 'this JSON Schema, for editors; vsync does not read it' },
      ...(properties as Node),
    },
  };
}

/** Of our own words in the schema, JSON Schema has one for `secret`. */
function tidy(node: Node): void {
  if (node['secret'] === true) node['writeOnly'] = true;
  delete node['secret'];
  delete node['duration'];
  // What zod says of a section that may be left out, and of a whole number, helps nobody.
  if (JSON.stringify(node['default']) === '{}') delete node['default'];
  if (node['maximum'] === Number.MAX_SAFE_INTEGER) delete node['maximum'];
}

/** zod leaves out the default of what it reshapes; a default that is another for each role is none here. */
function describeKeys(section: Key, node: Node): void {
  for (const key of section.children.values()) {
    const child = propertiesOf(node)[key.path.slice(key.path.lastIndexOf('.') + 1)];
    if (child === undefined) throw new Error(`${key.path} is missing in the JSON Schema`);
    if (key.path === 'name') delete child['default'];
    else if (key.kind !== 'section' && key.defaultValue !== undefined) child['default'] = key.defaultValue;
    describeKeys(key, child);
  }
}

/** The keys below a section, a list of sections, or what is a section or something else. */
function propertiesOf(node: Node): Readonly<Record<string, Node | undefined>> {
  const options = (node['anyOf'] ?? [node['items'] ?? node]) as Node[];
  const section = options.find((option) => option['properties'] !== undefined);
  return (section?.['properties'] ?? {}) as Readonly<Record<string, Node | undefined>>;
}
