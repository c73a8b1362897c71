import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import type { RunningSyncer } from './running-syncer';

interface PromisedAnswer {
  readonly description: string;
  readonly headers?: Record<string, { schema: object }>;
  readonly content?: Record<string, { schema?: object }>;
}

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: object }[];
  readonly responses: Record<string, PromisedAnswer>;
}

interface Content {
  readonly openapi: string;
  readonly info: { title: string; version: string };
  readonly paths: Record<string, Record<string, Operation>>;
}

/** The OpenAPI document that a running Syncer serves, to hold its answers to. */
export class OpenApiDocument {
  private readonly ajv = new Ajv2020({ strict: false, validateFormats: false });
  private readonly validators = new Map<object, ValidateFunction>();

  private constructor(readonly content: Content) {}

  static async of(syncer: RunningSyncer): Promise<OpenApiDocument> {
    return new OpenApiDocument((await (await syncer.get('/openapi.json')).json()) as Content);
  }

  /**
   * Compares an answer with what the document promises for its status.
   *
   * @returns the body
   * @throws Error that says what differs
   */
  async matches(path: string, response: Response): Promise<unknown> {
    const promised = this.content.paths[path]?.['get']?.responses[String(response.status)];
    if (promised === undefined) throw new Error(`${path}: ${response.status} is not in the document`);
    for (const [name, { schema }] of Object.entries(promised.headers ?? {}))
      this.check(schema, response.headers.get(name), `${path}: ${name}`);
    const [type = ''] = (response.headers.get('content-type') ?? '').split(';');
    const media = promised.content?.[type];
    if (media === undefined) throw new Error(`${path}: ${type} is not in the document`);
    const body: unknown = type === 'application/json' ? await response.json() : await response.text();
    this.check(media.schema, body, path);
    return body;
  }

  private check(schema: object | undefined, value: unknown, what: string): void {
    if (schema === undefined) throw new Error(`${what}: has no schema in the document`);
    const check = this.validators.get(schema) ?? this.ajv.compile(schema);
    this.validators.set(schema, check);
    if (!check(value)) throw new Error(`${what}: ${JSON.stringify(check.errors)}`);
  }
}
