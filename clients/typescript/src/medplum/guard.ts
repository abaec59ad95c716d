/** A MedplumClient that does for a bot what one member may do, and no more. */

import type {
  MedplumClient,
  MedplumRequestOptions,
  PatchOperation,
  QueryTypes,
  ResourceArray,
  WithId,
} from '@medplum/core';
import type { Bundle, ExtractResource, Reference, Resource, ResourceType } from '@medplum/fhirtypes' with {
  'resolution-mode': 'import',
};

import { MisuseError } from '../errors';
import { type GuardableClient, MedplumConnection } from './connection';
import { Member, type MemberOptions } from './member';
import { type GuardedMethod, LOCAL_METHODS, type LocalMethod, REFUSED_METHODS, type RefusedMethod } from './methods';
import { Reader } from './reading';
import { parseReference, readOptions, validId, validType } from './request';
import { Searcher } from './searching';
import { Writer, draftOf } from './writing';

/** A method that a guard does not have. */
export class UnguardedMethod extends MisuseError {
  override readonly name = 'UnguardedMethod';

  constructor(readonly method: string) {
    super(`\`${method}\` would reach Medplum unguarded: say \`allow: ['${method}']\` if that is what you want`);
  }
}

/** Of a guard. */
export interface GuardOptions<Allowed extends RefusedMethod = never> extends MemberOptions {
  /**
   * Methods to call unguarded, with all rights of the bot. Each is a hole: what
   * it answers is neither narrowed nor stripped.
   */
  readonly allow?: readonly Allowed[];
}

/** What a guard does in place of MedplumClient; the same arguments and answers. */
export interface GuardedMethods {
  /** Narrowed by Filter; what comes back is judged again and stripped, included resources, too. */
  search<RT extends ResourceType>(
    resourceType: RT,
    query?: QueryTypes,
    options?: MedplumRequestOptions,
  ): Promise<Bundle<WithId<ExtractResource<RT>>>>;
  /** As `search`: the first match. */
  searchOne<RT extends ResourceType>(
    resourceType: RT,
    query?: QueryTypes,
    options?: MedplumRequestOptions,
  ): Promise<WithId<ExtractResource<RT>> | undefined>;
  /** As `search`: the resources. */
  searchResources<RT extends ResourceType>(
    resourceType: RT,
    query?: QueryTypes,
    options?: MedplumRequestOptions,
  ): Promise<ResourceArray<WithId<ExtractResource<RT>>>>;
  /** As `search`, page by page; each page is asked, and narrowed, anew. */
  searchResourcePages<RT extends ResourceType>(
    resourceType: RT,
    query?: QueryTypes,
    options?: MedplumRequestOptions,
  ): AsyncGenerator<ResourceArray<WithId<ExtractResource<RT>>>>;
  /** Judged by what is stored, and stripped. A resource that does not exist is denied. */
  readResource<RT extends ResourceType>(
    resourceType: RT,
    id: string,
    options?: MedplumRequestOptions,
  ): Promise<WithId<ExtractResource<RT>>>;
  /** As `readResource`; of `Type/id` alone. */
  readReference<T extends Resource>(reference: Reference<T>, options?: MedplumRequestOptions): Promise<WithId<T>>;
  /** As `searchOne` by `url`. */
  readCanonical<RT extends ResourceType>(
    resourceType: RT | RT[],
    url: string,
    options?: MedplumRequestOptions,
  ): Promise<WithId<ExtractResource<RT>> | undefined>;
  /** Judged by the resource as it is now; each version is stripped of what it hides. */
  readHistory<RT extends ResourceType>(
    resourceType: RT,
    id: string,
    options?: { readonly count?: number; readonly offset?: number },
    requestOptions?: MedplumRequestOptions,
  ): Promise<Bundle<WithId<ExtractResource<RT>>>>;
  /** Judged by the resource as it is now, and by the version. */
  readVersion<RT extends ResourceType>(
    resourceType: RT,
    id: string,
    versionId: string,
    options?: MedplumRequestOptions,
  ): Promise<WithId<ExtractResource<RT>>>;
  /** Checked; what is stored is what was judged. The answer is stripped. */
  createResource<T extends Resource>(resource: T, options?: MedplumRequestOptions): Promise<WithId<T>>;
  /** What the member finds by `query`, or else created. */
  createResourceIfNoneExist<T extends Resource>(
    resource: T,
    query: string,
    options?: MedplumRequestOptions,
  ): Promise<WithId<T>>;
  /** An update of what the member finds by `query`, or else created. */
  upsertResource<T extends Resource>(
    resource: T,
    query: QueryTypes,
    options?: MedplumRequestOptions,
  ): Promise<WithId<T>>;
  /** Checked; hidden and readonly fields are restored. Stored with If-Match. */
  updateResource<T extends Resource>(resource: T, options?: MedplumRequestOptions): Promise<WithId<T>>;
  /** As `updateResource`; the operations see what the member may see. */
  patchResource<RT extends ResourceType>(
    resourceType: RT,
    id: string,
    operations: PatchOperation[],
    options?: MedplumRequestOptions,
  ): Promise<WithId<ExtractResource<RT>>>;
  /** Checked. */
  deleteResource(resourceType: ResourceType, id: string, options?: MedplumRequestOptions): Promise<void>;
  /** Nothing: a guard keeps nothing. */
  getCached<RT extends ResourceType>(resourceType: RT, id: string): undefined;
  /** Nothing: a guard keeps nothing. */
  getCachedReference<T extends Resource>(reference: Reference<T>): undefined;
}

/** A guarded client. Whatever else is called on it is refused. */
export type GuardedMedplum<Allowed extends RefusedMethod = never> = GuardedMethods &
  Pick<MedplumClient, LocalMethod | Allowed>;

function resourceArray<B extends { readonly entry: readonly { readonly resource: unknown }[] }>(
  bundle: B,
): unknown[] & { bundle: B } {
  return Object.assign(
    bundle.entry.map(({ resource }) => resource),
    { bundle },
  );
}

/** The methods, by what is known of them at run time: the types are those of GuardedMethods. */
function methodsOf(client: MedplumConnection, member: Member): Record<GuardedMethod, (...args: never[]) => unknown> {
  const reader = new Reader(client, member);
  const searcher = new Searcher(client, member);
  const writer = new Writer(reader, member);

  const search = async (type: unknown, query: QueryTypes, options?: MedplumRequestOptions) =>
    searcher.search(validType(type), query, readOptions(options));
  const searchOne = async (type: unknown, query: QueryTypes, options?: MedplumRequestOptions) => {
    const one = new URLSearchParams(client.queryOf(validType(type), query));
    one.set('_count', '1');
    const { entry } = await search(type, one, options);
    return entry.find(({ search: { mode } }) => mode === 'match')?.resource;
  };
  /** The one resource that the member finds; undefined for none. */
  const findOne = async (type: string, query: QueryTypes, options?: MedplumRequestOptions) => {
    const two = new URLSearchParams(client.queryOf(type, query));
    two.set('_count', '2');
    const { entry } = await search(type, two, options);
    const matches = entry.filter(({ search: { mode } }) => mode === 'match');
    if (matches.length > 1) throw new MisuseError('more than one resource matches');
    return matches[0]?.resource;
  };

  return {
    search,
    searchOne,
    searchResources: async (type: unknown, query: QueryTypes, options?: MedplumRequestOptions) =>
      resourceArray(await search(type, query, options)),
    searchResourcePages: async function* (type: unknown, query: QueryTypes, options?: MedplumRequestOptions) {
      for await (const page of searcher.pages(validType(type), query, readOptions(options))) yield resourceArray(page);
    },
    readResource: async (type: unknown, id: unknown, options?: MedplumRequestOptions) =>
      reader.read(validType(type), validId(id), readOptions(options)),
    readReference: async (reference: Reference, options?: MedplumRequestOptions) => {
      const { type, id } = parseReference(reference.reference);
      return reader.read(type, id, readOptions(options));
    },
    readCanonical: async (types: unknown, url: unknown, options?: MedplumRequestOptions) => {
      if (typeof url !== 'string') throw new MisuseError('not a URL');
      const all: readonly unknown[] = Array.isArray(types) ? types : [types];
      for (const type of all) {
        const found = await searchOne(type, new URLSearchParams({ url }), options);
        if (found) return found;
      }
      return undefined;
    },
    readHistory: async (
      type: unknown,
      id: unknown,
      page: { count?: number; offset?: number } = {},
      options?: MedplumRequestOptions,
    ) => {
      const { count, offset } = page;
      if ([count, offset].some((number) => number !== undefined && !Number.isSafeInteger(number))) {
        throw new MisuseError('`count` and `offset` are whole numbers');
      }
      const pages = { ...(count === undefined ? {} : { count }), ...(offset === undefined ? {} : { offset }) };
      return reader.history(validType(type), validId(id), pages, readOptions(options));
    },
    readVersion: async (type: unknown, id: unknown, versionId: unknown, options?: MedplumRequestOptions) =>
      reader.version(validType(type), validId(id), validId(versionId), readOptions(options)),
    createResource: async (resource: unknown, options?: MedplumRequestOptions) =>
      writer.create(draftOf(resource), readOptions(options)),
    createResourceIfNoneExist: async (resource: unknown, query: QueryTypes, options?: MedplumRequestOptions) => {
      const draft = draftOf(resource);
      return (await findOne(draft.type, query, options)) ?? writer.create(draft, readOptions(options));
    },
    upsertResource: async (resource: unknown, query: QueryTypes, options?: MedplumRequestOptions) => {
      const draft = draftOf(resource);
      const found = await findOne(draft.type, query, options);
      if (!found) return writer.create(draft, readOptions(options));
      if (draft.id !== undefined && draft.id !== found.id)
        throw new MisuseError('another resource has what is searched for');
      const json = JSON.stringify({ ...(JSON.parse(draft.json) as object), id: found.id });
      return writer.update({ ...draft, id: found.id, json }, readOptions(options));
    },
    updateResource: async (resource: unknown, options?: MedplumRequestOptions) =>
      writer.update(draftOf(resource), readOptions(options, true)),
    patchResource: async (
      type: unknown,
      id: unknown,
      operations: readonly PatchOperation[],
      options?: MedplumRequestOptions,
    ) => writer.patch(validType(type), validId(id), operations, readOptions(options, true)),
    deleteResource: async (type: unknown, id: unknown, options?: MedplumRequestOptions) =>
      writer.delete(validType(type), validId(id), readOptions(options, true)),
    getCached: () => undefined,
    getCachedReference: () => undefined,
  };
}

/** Names that the language itself asks for. */
const NAMES_OF_THE_LANGUAGE: ReadonlySet<string> = new Set(['then', 'toJSON', 'constructor', 'toString', 'valueOf']);

/**
 * `client` as one member may use it: searches are narrowed by Filter before they
 * leave, what comes back is judged and stripped, and reads and writes are
 * checked first. Everything else that would reach Medplum is refused.
 *
 * The bot's own token has to reach what its members may; the decision point
 * takes resources as Medplum sends them (`resources: inline`, permissions
 * `check` and `filter`).
 *
 * @throws MisuseError where `allow` names what is not refused.
 */
export function guardMedplum<Allowed extends RefusedMethod = never>(
  client: GuardableClient,
  options: GuardOptions<Allowed>,
): GuardedMedplum<Allowed> {
  const connection = new MedplumConnection(client);
  const members = new Map<string, unknown>(Object.entries(methodsOf(connection, new Member(options))));
  const passed: readonly string[] = [...LOCAL_METHODS, ...(options.allow ?? [])];
  for (const name of options.allow ?? []) {
    const refused: readonly string[] = REFUSED_METHODS;
    if (!refused.includes(name)) throw new MisuseError(`\`${name}\` is not among the methods that can be allowed`);
  }
  const get = (name: string | symbol): unknown => {
    if (typeof name === 'symbol' || NAMES_OF_THE_LANGUAGE.has(name)) return undefined;
    if (members.has(name)) return members.get(name);
    if (!passed.includes(name)) {
      if (name === 'keyValue') throw new UnguardedMethod(name);
      return () => {
        throw new UnguardedMethod(name);
      };
    }
    const own: unknown = Reflect.get(client, name);
    return typeof own === 'function' ? (...args: unknown[]): unknown => Reflect.apply(own, client, args) : own;
  };
  const refuse = (): never => {
    throw new MisuseError('a guard cannot be changed');
  };
  // Its target is empty: there is nothing behind it to be reached.
  const guard = new Proxy(Object.freeze(Object.create(null)) as object, {
    get: (_, name) => get(name),
    has: (_, name) => typeof name === 'string' && (members.has(name) || passed.includes(name)),
    getPrototypeOf: () => null,
    set: refuse,
    defineProperty: refuse,
    deleteProperty: refuse,
    setPrototypeOf: refuse,
  });
  return guard as GuardedMedplum<Allowed>;
}

/**
 * A guard for code that is typed for a MedplumClient:
 * `asMedplumClient<MedplumClient>(guard)`. What the guard refuses is refused
 * when it is called.
 */
export function asMedplumClient<Client extends GuardableClient>(
  guard: GuardedMedplum<RefusedMethod> | GuardedMedplum,
): Client {
  return guard as unknown as Client;
}
