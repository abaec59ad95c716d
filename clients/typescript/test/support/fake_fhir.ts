/**
 * A FHIR server in memory, over a real socket, with what MockClient does not
 * have: versions, `_project`, `_compartment`, `_filter`, pages, If-Match, and
 * signed links. It looks at no policy: it is what a bot's token reaches.
 */

import { randomUUID } from 'node:crypto';
import * as http from 'node:http';

import type { StoredResource } from './clinic';

export interface SeenRequest {
  readonly method: string;
  /** Path and query, decoded. */
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

type Json = Record<string, unknown>;

function at(value: unknown, ...path: string[]): unknown[] {
  return path.reduce<unknown[]>(
    (values, name) =>
      values.flatMap((item): unknown[] => {
        const member = typeof item === 'object' && item !== null ? (item as Json)[name] : undefined;
        if (member === undefined) return [];
        return Array.isArray(member) ? (member as unknown[]) : [member];
      }),
    [value],
  );
}

function codings(resource: StoredResource, name: string): unknown[] {
  return at(resource, name, 'coding').flatMap((coding) => {
    const { system, code } = coding as { system?: string; code?: string };
    return [`${system ?? ''}|${code ?? ''}`, code];
  });
}

/** The values that a search parameter looks at. */
const PARAMETERS: Record<string, (resource: StoredResource) => unknown[]> = {
  _id: (resource) => [resource.id],
  _project: (resource) => [resource.meta.project],
  _compartment: (resource) => at(resource, 'meta', 'compartment', 'reference'),
  _tag: (resource) =>
    at(resource, 'meta', 'tag').map((tag) => `${(tag as Json)['system'] as string}|${(tag as Json)['code'] as string}`),
  gender: (resource) => at(resource, 'gender'),
  status: (resource) => at(resource, 'status'),
  url: (resource) => at(resource, 'url'),
  code: (resource) => codings(resource, 'code'),
  subject: (resource) => at(resource, 'subject', 'reference'),
  patient: (resource) => at(resource, 'for', 'reference'),
  family: (resource) => at(resource, 'name', 'family'),
  'general-practitioner': (resource) => at(resource, 'generalPractitioner', 'reference'),
};

function matches(resource: StoredResource, code: string, value: string): boolean {
  const parameter = PARAMETERS[code];
  if (!parameter) throw new Error(`the fake server has no parameter ${code}`);
  return value.split(',').some((one) => parameter(resource).includes(one));
}

/** `a eq "b"`, `and`, `or` and parentheses. */
function matchesFilter(resource: StoredResource, text: string): boolean {
  const tokens = text.match(/\(|\)|"[^"]*"|[^\s()"]+/g) ?? [];
  let next = 0;
  const term = (): boolean => {
    if (tokens[next] === '(') {
      ++next;
      const value = any();
      ++next;
      return value;
    }
    const [code = '', , value = ''] = tokens.slice(next, next + 3);
    next += 3;
    return matches(resource, code, value.replaceAll('"', ''));
  };
  const all = (): boolean => {
    let value = term();
    while (tokens[next] === 'and') {
      ++next;
      value = term() && value;
    }
    return value;
  };
  const any = (): boolean => {
    let value = all();
    while (tokens[next] === 'or') {
      ++next;
      value = all() || value;
    }
    return value;
  };
  return any();
}

const CONTROLS = new Set(['_count', '_offset', '_sort', '_total', '_include', '_revinclude', '_summary']);

export class FakeFhir {
  readonly #server: http.Server;
  readonly #versions = new Map<string, StoredResource[]>();
  readonly #deleted = new Set<string>();
  readonly requests: SeenRequest[] = [];
  /** Put into every search result, as an include. */
  included: StoredResource[] = [];
  /** What a search answers in place of what it found. */
  hijack: ((url: URL) => Json | undefined) | undefined;
  /** Called before a write is done: what happens in between. */
  beforeWrite: (() => void) | undefined;
  /** Called when a request has been answered: what happens before the next. */
  afterAnswer: (() => void) | undefined;
  baseUrl = '';

  private constructor(resources: readonly StoredResource[]) {
    for (const resource of resources) this.put(resource);
    this.#server = http.createServer((request, response) => {
      let body = '';
      request.on('data', (text: Buffer) => (body += text.toString()));
      request.on('end', () => {
        const url = new URL(request.url ?? '', this.baseUrl);
        this.requests.push({
          method: request.method ?? '',
          url: decodeURIComponent((request.url ?? '').replaceAll('+', ' ')),
          headers: request.headers,
          body,
        });
        const [status, answer] = this.#answered(request.method ?? '', url, body, request.headers);
        this.afterAnswer?.();
        response.writeHead(status, { 'content-type': 'application/fhir+json' });
        response.end(JSON.stringify(answer));
      });
    });
  }

  static async start(resources: readonly StoredResource[]): Promise<FakeFhir> {
    const fake = new FakeFhir(resources);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    const address = fake.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    fake.baseUrl = `http://127.0.0.1:${address.port}/`;
    return fake;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  put(resource: StoredResource): void {
    const key = `${resource.resourceType}/${resource.id}`;
    this.#versions.set(key, [structuredClone(resource), ...(this.#versions.get(key) ?? [])]);
    this.#deleted.delete(key);
  }

  get(type: string, id: string): StoredResource | undefined {
    const key = `${type}/${id}`;
    return this.#deleted.has(key) ? undefined : this.#versions.get(key)?.[0];
  }

  delete(type: string, id: string): void {
    this.#deleted.add(`${type}/${id}`);
  }

  #answered(...request: [string, URL, string, http.IncomingHttpHeaders]): [number, Json] {
    try {
      return this.#answer(...request);
    } catch (error) {
      return [
        400,
        {
          resourceType: 'OperationOutcome',
          issue: [{ severity: 'error', code: 'invalid', diagnostics: String(error) }],
        },
      ];
    }
  }

  #answer(method: string, url: URL, body: string, headers: http.IncomingHttpHeaders): [number, Json] {
    const [type = '', id = '', history, version] = url.pathname.replace('/fhir/R4/', '').split('/');
    const outcome = (status: number, code: string): [number, Json] => [
      status,
      { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code }] },
    ];
    const key = `${type}/${id}`;
    if (method === 'GET' && id === '') return [200, this.#search(type, url)];
    if (method === 'POST') {
      this.beforeWrite?.();
      const resource = JSON.parse(body) as StoredResource;
      const accounts = at(resource, 'meta', 'accounts');
      const compartment = [
        { reference: `Project/${resource.meta.project ?? ''}` },
        ...accounts,
        ...at(resource, 'subject'),
      ];
      const made = { ...resource, id: randomUUID(), meta: { ...resource.meta, versionId: randomUUID(), compartment } };
      this.put(made);
      return [201, made];
    }
    const versions = this.#versions.get(key);
    if (!versions) return outcome(404, 'not-found');
    if (method === 'GET' && history === '_history') {
      if (version !== undefined) {
        const found = versions.find(({ meta }) => meta.versionId === version);
        return found ? [200, found] : outcome(404, 'not-found');
      }
      const entry: Json[] = versions.map((resource) => ({ resource }));
      if (this.#deleted.has(key)) entry.unshift({ response: { status: '410' } });
      return [200, { resourceType: 'Bundle', type: 'history', entry }];
    }
    if (method !== 'GET') this.beforeWrite?.();
    const current = this.get(type, id);
    if (!current) return outcome(410, 'deleted');
    if (method === 'GET') return [200, current];
    if (method === 'DELETE') {
      this.delete(type, id);
      return [200, { resourceType: 'OperationOutcome', issue: [] }];
    }
    const ifMatch = headers['if-match'];
    if (ifMatch !== undefined && ifMatch !== `W/"${current.meta.versionId ?? ''}"`) return outcome(412, 'processing');
    const resource = JSON.parse(body) as StoredResource;
    const stored = {
      ...resource,
      meta: { ...resource.meta, versionId: randomUUID(), compartment: current.meta['compartment'] },
    };
    this.put(stored);
    return [200, stored];
  }

  #search(type: string, url: URL): Json {
    const hijacked = this.hijack?.(url);
    if (hijacked) return hijacked;
    const found = [...this.#versions.keys()]
      .flatMap((key) => this.get(...(key.split('/') as [string, string])) ?? [])
      .filter((resource) => {
        if (resource.resourceType !== type) return false;
        return [...url.searchParams].every(([code, value]) => {
          if (CONTROLS.has(code.split(':')[0] ?? '')) return true;
          return code === '_filter' ? matchesFilter(resource, value) : matches(resource, code, value);
        });
      });
    const count = Number(url.searchParams.get('_count') ?? 20);
    const offset = Number(url.searchParams.get('_offset') ?? 0);
    const link = [];
    if (offset + count < found.length) {
      const next = new URL(url);
      next.searchParams.set('_offset', String(offset + count));
      link.push({ relation: 'next', url: next.toString() });
    }
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      total: found.length,
      link,
      entry: [
        ...found.slice(offset, offset + count).map((resource) => ({ resource, search: { mode: 'match' } })),
        ...this.included.map((resource) => ({ resource, search: { mode: 'include' } })),
      ],
    };
  }
}
