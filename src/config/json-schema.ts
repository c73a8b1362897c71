import { z } from 'zod';
import { rootKey, type Key } from './keys';
import { destinationConfigSchema } from './schema';

/** A JSON Schema (draft 7, which editors know best), or a part of one. */
type Node = Record<string, unknown>;

/**
 * The JSON Schema of the configuration file, for editors. It serves both roles, so the section `destination` is not
 * required. It is stricter than the loader, which also takes keys in another case and text for numbers. Addresses and mounts
 * are required; keys that often come from the environment, such as a token, are not.
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

/** Replaces `secret` by JSON Schema's own word, and removes words that only our code reads. */
function tidy(node: Node): void {
  if (node['secret'] === true) node['writeOnly'] = true;
  delete node['secret'];
  delete node['duration'];
  // zod adds a default to optional sections and a maximum to whole numbers, which help no editor.
  if (JSON.stringify(node['default']) === '{}') delete node['default'];
  if (node['maximum'] === Number.MAX_SAFE_INTEGER) delete node['maximum'];
}

/** Adds the defaults that zod leaves out. A default that differs by role is removed. */
function describeKeys(section: Key, node: Node): void {
  for (const key of section.children.values()) {
    const child = propertiesOf(node)[key.path.slice(key.path.lastIndexOf('.') + 1)];
    if (child === undefined) throw new Error(`${key.path} is missing in the JSON Schema`);
    if (key.path === 'name') delete child['default'];
    else if (key.kind !== 'section' && key.defaultValue !== undefined) child['default'] = key.defaultValue;
    describeKeys(key, child);
  }
}

/** The keys below a section, a list of sections, or a value that may be a section. */
function propertiesOf(node: Node): Readonly<Record<string, Node | undefined>> {
  const options = (node['anyOf'] ?? [node['items'] ?? node]) as Node[];
  const section = options.find((option) => option['properties'] !== undefined);
  return (section?.['properties'] ?? {}) as Readonly<Record<string, Node | undefined>>;
}
