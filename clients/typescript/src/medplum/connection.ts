/** What a guard uses of the client that it guards. */

import type { MedplumRequestOptions, QueryTypes } from '@medplum/core';

/**
 * A MedplumClient, by the methods that matter: one of another build of
 * @medplum/core, or a MockClient, is as good.
 */
export interface GuardableClient {
  fhirSearchUrl(resourceType: 'Patient', query: QueryTypes): URL;
  search(resourceType: 'Patient', query: string, options: MedplumRequestOptions): PromiseLike<unknown>;
  readResource(resourceType: 'Patient', id: string, options: MedplumRequestOptions): PromiseLike<unknown>;
  readHistory(
    resourceType: 'Patient',
    id: string,
    page: { count?: number; offset?: number },
    options: MedplumRequestOptions,
  ): PromiseLike<unknown>;
  readVersion(
    resourceType: 'Patient',
    id: string,
    versionId: string,
    options: MedplumRequestOptions,
  ): PromiseLike<unknown>;
  createResource(resource: StoredDraft, options: MedplumRequestOptions): PromiseLike<unknown>;
  updateResource(resource: StoredDraft, options: MedplumRequestOptions): PromiseLike<unknown>;
  deleteResource(resourceType: 'Patient', id: string, options: MedplumRequestOptions): PromiseLike<unknown>;
  getProject(): { id?: string } | undefined;
  isSuperAdmin(): boolean;
}

/** A resource of any type; the client is told that it is a Patient. */
interface StoredDraft {
  resourceType: 'Patient';
}

/**
 * The requests that a guard sends, with answers that nobody has looked at yet.
 * Types and ids were checked before.
 */
export class MedplumConnection {
  readonly #client: GuardableClient;

  constructor(client: GuardableClient) {
    this.#client = client;
  }

  /** The query as the client itself would send it. */
  queryOf(type: string, query: QueryTypes): URLSearchParams {
    return this.#client.fhirSearchUrl(type as 'Patient', query).searchParams;
  }

  searchUrl(type: string, query: string): string {
    return this.#client.fhirSearchUrl(type as 'Patient', query).toString();
  }

  search(type: string, query: string, options: MedplumRequestOptions): PromiseLike<unknown> {
    return this.#client.search(type as 'Patient', query, options);
  }

  readResource(type: string, id: string, options: MedplumRequestOptions): PromiseLike<unknown> {
    return this.#client.readResource(type as 'Patient', id, options);
  }

  readHistory(
    type: string,
    id: string,
    page: { count?: number; offset?: number },
    options: MedplumRequestOptions,
  ): PromiseLike<unknown> {
    return this.#client.readHistory(type as 'Patient', id, page, options);
  }

  readVersion(type: string, id: string, versionId: string, options: MedplumRequestOptions): PromiseLike<unknown> {
    return this.#client.readVersion(type as 'Patient', id, versionId, options);
  }

  createResource(resource: object, options: MedplumRequestOptions): PromiseLike<unknown> {
    return this.#client.createResource(resource as StoredDraft, options);
  }

  updateResource(resource: object, options: MedplumRequestOptions): PromiseLike<unknown> {
    return this.#client.updateResource(resource as StoredDraft, options);
  }

  async deleteResource(type: string, id: string, options: MedplumRequestOptions): Promise<void> {
    await this.#client.deleteResource(type as 'Patient', id, options);
  }

  /** The project that what is created goes to; undefined where that is not known, or can be chosen. */
  get fixedProject(): string | undefined {
    return this.#client.isSuperAdmin() ? undefined : this.#client.getProject()?.id;
  }
}
