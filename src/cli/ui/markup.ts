/** Text of a page that is already safe. */
export class Html {
  constructor(readonly text: string) {}
}

type Value = Html | string | number | undefined | false;
type Part = Value | readonly Value[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function textOf(value: Value): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** A piece of HTML: every value is escaped, unless it is such a piece itself. Attributes need quotes around their value. */
export function markup(pieces: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(pieces.map((piece, at) => piece + [parts[at]].flat().map(textOf).join('')).join(''));
}
