/** A guarded client between a bot, a real pdpd and a FHIR server. */

import assert from 'node:assert/strict';
import { after, before, beforeEach } from 'node:test';

import { MedplumClient } from '@medplum/core';

import { PdpClient } from '../../src';
import { type GuardOptions, type GuardedMedplum, guardMedplum } from '../../src/medplum';
import * as clinic from './clinic';
import { type StoredResource } from './clinic';
import { FakeFhir } from './fake_fhir';
import { Pdpd } from './pdpd';

/** What the FHIR server has at the beginning of each test. */
export const RESOURCES = clinic.clinicResources();

export function find(type: string, predicate: (resource: StoredResource) => boolean = () => true): StoredResource {
  const found = RESOURCES.find((resource) => resource.resourceType === type && predicate(resource));
  assert.ok(found, type);
  return found;
}

export function isIn(tenant: string): (resource: StoredResource) => boolean {
  return ({ meta }) => JSON.stringify(meta['compartment'] ?? []).includes(tenant);
}

export const SOUTH_OBSERVATION = find('Observation', isIn(clinic.SOUTH));
export const NORTH_OBSERVATION = find('Observation', (r) => isIn(clinic.NORTH)(r) && r['status'] === 'preliminary');

export function ids(resources: readonly { id?: string | undefined }[]): string[] {
  return resources.map(({ id }) => id ?? '').sort();
}

export function idsIn(type: string, predicate: (resource: StoredResource) => boolean): string[] {
  return ids(RESOURCES.filter((resource) => resource.resourceType === type && predicate(resource)));
}

/** Its hooks are those of the `describe` that makes one. */
export class GuardWorld {
  server!: Pdpd;
  pdp!: PdpClient;
  fhir!: FakeFhir;
  medplum!: MedplumClient;

  constructor() {
    before(async () => {
      this.server = await Pdpd.start();
      this.pdp = new PdpClient(this.server.target, { insecure: true, deadlineMs: 30_000 });
    });
    beforeEach(async () => {
      (this.fhir as FakeFhir | undefined)?.stop();
      this.fhir = await FakeFhir.start(RESOURCES);
      // With a cache, as in a browser.
      this.medplum = new MedplumClient({
        baseUrl: this.fhir.baseUrl,
        accessToken: 'a.e30.c',
        cacheTime: 60_000,
        maxRetries: 0,
      });
    });
    after(async () => {
      this.fhir.stop();
      this.pdp.close();
      await this.server.stop();
    });
  }

  readonly as = (subject: string, options: Partial<GuardOptions> = {}): GuardedMedplum =>
    guardMedplum(this.medplum, { pdp: this.pdp, subject, ...options });

  /** What was asked of the FHIR server beside reads. */
  readonly writes = (): string[] =>
    this.fhir.requests.filter(({ method }) => method !== 'GET').map(({ method, url }) => `${method} ${url}`);
}
