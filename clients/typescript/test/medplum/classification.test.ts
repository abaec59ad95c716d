/** Every method of MedplumClient is guarded, local, or refused. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { MedplumClient } from '@medplum/core';
import { MockClient } from '@medplum/mock';

import { PdpClient } from '../../src';
import {
  GUARDED_METHODS,
  LOCAL_METHODS,
  REFUSED_METHODS,
  UnguardedMethod,
  asMedplumClient,
  guardMedplum,
} from '../../src/medplum';

/** TypeScript's `private` of MedplumClient 5.1.29: no code may call them, and a guard refuses them. */
const PRIVATE_METHODS = [
  ...['addFetchOptionsDefaults', 'addLogin', 'attemptResumeActiveLogin', 'cacheResource'],
  ...['checkSessionDetailsMatchLogin', 'deleteCacheEntry', 'dispatchResourceModified', 'executeAutoBatch'],
  ...['fetchTokens', 'fetchWithRetry', 'getBundle', 'getCacheEntry', 'getRequestHeader', 'getRetryDelay'],
  ...['handleTokenError', 'handleUnauthenticated', 'initializeLogLevel', 'isCacheEnabled', 'logRequest'],
  ...['logResponse', 'parseBody', 'pollStatus', 'refresh', 'refreshProfile', 'request', 'requestAuthorization'],
  ...['runRefreshWithLock', 'setCacheEntry', 'setCurrentRateLimit', 'setRequestBody', 'setRequestContentType'],
  ...['setRequestHeader', 'setupStorageListener', 'syncStoredLoginProject', 'verifyTokens'],
];

function methodsOfMedplumClient(): string[] {
  const names = new Set<string>();
  let prototype: object | null = MedplumClient.prototype;
  while (prototype !== null && prototype !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(prototype)) names.add(name);
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  names.delete('constructor');
  return [...names].sort();
}

describe('the guard', () => {
  const pdp = new PdpClient('127.0.0.1:1', { insecure: true });
  const client = new MockClient();
  client.setAccessToken('header.e30.signature');
  const guard = guardMedplum(client, { pdp, subject: 'ProjectMembership/m' });

  it('classifies every method once', () => {
    const classified = [...GUARDED_METHODS, ...LOCAL_METHODS, ...REFUSED_METHODS, ...PRIVATE_METHODS].sort();
    assert.deepEqual(classified, methodsOfMedplumClient());
    assert.equal(new Set(classified).size, classified.length);
  });

  it('refuses what is not guarded, whatever it is', () => {
    const fields = [...Object.getOwnPropertyNames(client), ...Object.getOwnPropertyNames(MockClient.prototype)];
    const names = [
      ...REFUSED_METHODS,
      ...PRIVATE_METHODS,
      ...fields,
      'aMethodOfTheFuture',
      '__proto__',
      'hasOwnProperty',
    ];
    const known: readonly string[] = [...GUARDED_METHODS, ...LOCAL_METHODS, 'constructor'];
    for (const name of names.filter((one) => !known.includes(one))) {
      assert.throws(
        () => {
          const member: unknown = Reflect.get(guard, name);
          assert.equal(typeof member, 'function', name);
          (member as () => void)();
        },
        UnguardedMethod,
        name,
      );
    }
  });

  it('has nothing behind it', () => {
    assert.equal(Object.getPrototypeOf(guard), null);
    assert.deepEqual(Reflect.ownKeys(guard), []);
    assert.equal(JSON.stringify(guard), '{}');
    assert.equal(Reflect.get(guard, 'constructor'), undefined);
    assert.throws(() => Object.assign(guard, { readResource: () => 1 }));
    assert.throws(() => Object.setPrototypeOf(guard, {}));
    assert.throws(() => Object.defineProperty(guard, 'get', { value: 1 }));
    // The client's own methods cannot be lent to it.
    assert.notEqual(
      typeof MedplumClient.prototype.getAccessToken.call(asMedplumClient<MedplumClient>(guard)),
      'string',
    );
    assert.throws(() => MedplumClient.prototype.graphql.call(asMedplumClient<MedplumClient>(guard), '{}'));
  });

  it('may be awaited', async () => {
    assert.equal(await Promise.resolve(guard), guard);
  });

  it("finds nothing in the client's cache", async () => {
    const patient = await client.createResource({ resourceType: 'Patient' });
    await client.readResource('Patient', patient.id);
    assert.equal(guard.getCached('Patient', patient.id), undefined);
    assert.equal(guard.getCachedReference({ reference: `Patient/${patient.id}` }), undefined);
  });

  it('passes what is local, and what is allowed by name', () => {
    assert.equal(guard.getBaseUrl(), client.getBaseUrl());
    assert.equal(guard.fhirUrl('Patient', '1').toString(), client.fhirUrl('Patient', '1').toString());
    const loose = guardMedplum(client, { pdp, subject: 'ProjectMembership/m', allow: ['isSuperAdmin'] });
    assert.equal(loose.isSuperAdmin(), client.isSuperAdmin());
    assert.throws(() => Reflect.apply(Reflect.get(loose, 'graphql') as () => void, loose, []), UnguardedMethod);
    for (const name of ['readResource', 'aMethodOfTheFuture', 'request', 'getBaseUrl']) {
      const allow = [name] as unknown as ['graphql'];
      assert.throws(() => guardMedplum(client, { pdp, subject: 'ProjectMembership/m', allow }), /not among/, name);
    }
  });
});
