/** What a guarded client finds and shows. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { create } from '@bufbuild/protobuf';
import { MedplumClient, OperationOutcomeError } from '@medplum/core';
import type { Patient } from '@medplum/fhirtypes' with { 'resolution-mode': 'import' };

import { FilterAnswer, MisuseError, NoDecision, PdpClient, PermissionDenied } from '../../src';
import { FilterKind, FilterResponseSchema, Reason } from '../../src/api';
import * as clinic from '../support/clinic';
import { GuardWorld, NORTH_OBSERVATION, SOUTH_OBSERVATION, find, ids, idsIn, isIn } from '../support/guard_world';

describe('a guarded client', () => {
  const world = new GuardWorld();
  const { as, writes } = world;

  describe('searching', () => {
    it('asks for nothing but what the member may find', async () => {
      const patients = await as(clinic.NORTH_CLINICIAN).searchResources('Patient');
      assert.deepEqual(ids(patients), idsIn('Patient', isIn(clinic.NORTH)));
      assert.equal(world.fhir.requests.length, 1);
      assert.match(world.fhir.requests[0]?.url ?? '', /_compartment=Organization\/11000001.*_project=10000000/);
      assert.ok(!ids(patients).includes(clinic.SOUTH_PATIENT));
      assert.equal(patients.bundle.total, patients.length);
    });

    it('takes a query in each form that MedplumClient takes', async () => {
      const guard = as(clinic.NORTH_CLINICIAN);
      const expected = idsIn('Patient', (r) => isIn(clinic.NORTH)(r) && r['gender'] === 'female');
      assert.ok(expected.length > 0);
      const forms = [
        'gender=female',
        '?gender=female',
        { gender: 'female' },
        new URLSearchParams('gender=female'),
        [['gender', 'female']],
        'gender=%66emale',
        { gender: 'female', status: undefined },
      ];
      for (const form of forms) {
        assert.deepEqual(ids(await guard.searchResources('Patient', form)), expected, JSON.stringify(form));
      }
    });

    it('cannot be widened by what is in the query', async () => {
      const guard = as(clinic.NORTH_CLINICIAN);
      const mine = idsIn('Patient', isIn(clinic.NORTH));
      const hostile = [
        `_project=${clinic.PROJECT},other`,
        `_compartment=${clinic.SOUTH}`,
        `_id=${clinic.SOUTH_PATIENT}`,
        `_compartment=${clinic.SOUTH},${clinic.NORTH}`,
        '_filter=_id ne "x"',
        `_filter=_id eq "${clinic.SOUTH_PATIENT}"`,
        `_filter=a) or (_id eq "${clinic.SOUTH_PATIENT}"`,
        '_include=Patient:organization',
        '_include:iterate=Patient:general-practitioner',
        '_include=*',
        '_revinclude=Observation:subject',
        '_revinclude:iterate=*',
        '_has:Observation:subject:code=x',
        'organization.name=South',
        'general-practitioner:Practitioner.name=x',
        '_type=Patient,Observation',
        '_deleted=true',
        'gender=female#&_project=',
        '%5Finclude=Patient:organization',
        '_elements=id',
        '_fields=id',
        '_summary=true',
        '%5Felements=id',
        '_elements:x=id',
        'unknown=1',
        '&&=&',
        '_=1',
      ];
      for (const query of hostile) {
        world.fhir.requests.length = 0;
        let found: string[] = [];
        try {
          found = ids(await guard.searchResources('Patient', query));
        } catch (error) {
          const isRefusal = error instanceof PermissionDenied || error instanceof MisuseError;
          const isUnknownToTheFake = error instanceof OperationOutcomeError;
          assert.ok(isRefusal || isUnknownToTheFake, `${query}: ${String(error)}`);
        }
        assert.ok(
          found.every((id) => mine.includes(id)),
          query,
        );
        for (const { url } of world.fhir.requests) {
          assert.match(url, new RegExp(`_compartment=${clinic.NORTH}`), query);
          assert.match(url, new RegExp(`_project=${clinic.PROJECT}(&|$)`), query);
          assert.doesNotMatch(url, /_include|_revinclude|_elements|_fields|_deleted/, query);
        }
      }
    });

    it('names the parameter that is not safe', async () => {
      await assert.rejects(as(clinic.NORTH_CLINICIAN).search('Patient', '_revinclude=Observation:subject'), (error) => {
        assert.ok(error instanceof PermissionDenied);
        assert.match(error.message, /_revinclude/);
        return true;
      });
      assert.deepEqual(world.fhir.requests, []);
    });

    it('is of one type, whatever is given for it', async () => {
      const guard = as(clinic.NORTH_CLINICIAN);
      for (const type of [
        '',
        'Patient/1',
        'Patient?x=',
        '../Patient',
        '$graphql',
        'Patient,Observation',
        'Binary',
        'patient',
        '*',
      ]) {
        for (const run of [
          () => guard.search(type as 'Patient'),
          () => guard.searchOne(type as 'Patient'),
          () => guard.readCanonical(type as 'Patient', 'x'),
          () => guard.readResource(type as 'Patient', clinic.PATIENT_1),
          () => guard.deleteResource(type as 'Patient', clinic.PATIENT_1),
          () => guard.createResource({ resourceType: type } as Patient),
        ]) {
          await assert.rejects(run, MisuseError, type);
        }
      }
      assert.deepEqual(world.fhir.requests, []);
    });

    it('finds nothing where the member may not search', async () => {
      const bundle = await as(clinic.PATIENT_MEMBER).search('Practitioner');
      assert.deepEqual(bundle.entry, []);
      assert.equal(bundle.total, 0);
      assert.deepEqual(await as(clinic.PATIENT_MEMBER).searchResources('Practitioner'), Object.assign([], { bundle }));
      assert.deepEqual(world.fhir.requests, []);
      await assert.rejects(as('ProjectMembership/nobody').search('Patient'), (error) => {
        assert.ok(error instanceof PermissionDenied);
        assert.equal(error.httpStatus, 401);
        return true;
      });
      await assert.rejects(
        as(clinic.MSO_STAFF, { context: { activeTenants: ['Organization/x'] } }).readResource(
          'Patient',
          clinic.PATIENT_1,
        ),
        PermissionDenied,
      );
    });

    it('strips what the member does not see', async () => {
      const patients = await as(clinic.SCORE_SERVICE).searchResources('Patient', 'gender=female');
      assert.ok(patients.length > 0);
      for (const patient of patients) assert.ok(!('name' in patient) && !('telecom' in patient) && 'gender' in patient);
      // Nor can it be searched by.
      await assert.rejects(as(clinic.SCORE_SERVICE).search('Patient', 'family=Ash'), PermissionDenied);
      await assert.rejects(as(clinic.SCORE_SERVICE).search('Patient', '_sort=family'), PermissionDenied);
    });

    it('takes out what nobody asked for, included resources first of all', async () => {
      world.fhir.included = [
        SOUTH_OBSERVATION,
        NORTH_OBSERVATION,
        find('Patient', ({ id }) => id === clinic.SOUTH_PATIENT),
      ];
      const bundle = await as(clinic.NORTH_CLINICIAN).search('Patient');
      const found = (bundle.entry ?? []).map(({ resource }) => resource?.id);
      assert.ok(!found.includes(SOUTH_OBSERVATION.id) && !found.includes(clinic.SOUTH_PATIENT));
      assert.ok(found.includes(NORTH_OBSERVATION.id));
      assert.equal(bundle.total, undefined, 'it would tell how many were taken out');
      const included = (bundle.entry ?? []).filter(({ search }) => search?.mode === 'include');
      assert.deepEqual(
        included.map(({ resource }) => resource?.id as string),
        [NORTH_OBSERVATION.id],
      );
      assert.equal((await as(clinic.NORTH_CLINICIAN).searchOne('Patient'))?.resourceType, 'Patient');
    });

    it('does not trust what a server answers', async () => {
      const south = find('Patient', ({ id }) => id === clinic.SOUTH_PATIENT);
      const answers: Record<string, unknown>[] = [
        { resourceType: 'Bundle', entry: [{ resource: south }] },
        { resourceType: 'Bundle', entry: [{ resource: { ...south, id: undefined } }, {}] },
        { resourceType: 'Bundle', entry: [{ resource: { resourceType: 'OperationOutcome', issue: [] } }] },
      ];
      for (const answer of answers) {
        world.fhir.hijack = () => answer;
        assert.deepEqual((await as(clinic.NORTH_CLINICIAN).search('Patient')).entry, []);
      }
      world.fhir.hijack = () => ({ resourceType: 'Patient' });
      await assert.rejects(as(clinic.NORTH_CLINICIAN).search('Patient'), NoDecision);
    });

    it('reads page by page, narrowing each anew', async () => {
      const expected = idsIn('Observation', isIn(clinic.NORTH));
      const found: string[] = [];
      let pages = 0;
      for await (const page of as(clinic.NORTH_CLINICIAN).searchResourcePages('Observation', '_count=2')) {
        found.push(...ids(page));
        ++pages;
      }
      assert.deepEqual(found.sort(), expected);
      assert.equal(pages, Math.ceil(expected.length / 2));
      world.fhir.included = [find('Patient', ({ id }) => id === clinic.PATIENT_1)];
      for await (const page of as(clinic.NORTH_CLINICIAN).searchResourcePages('Observation', '_count=2')) {
        assert.ok(ids(page).includes(clinic.PATIENT_1), 'what is included is on each page');
      }
      world.fhir.included = [];
      for (const { url } of world.fhir.requests) assert.match(url, new RegExp(`_compartment=${clinic.NORTH}`));
    });

    it('does not follow a link to anywhere else', async () => {
      let asked = 0;
      world.fhir.hijack = (url) => {
        if (++asked > 3) return { resourceType: 'Bundle', entry: [] };
        const query = `_compartment=${clinic.SOUTH}&_count=50&_offset=${asked * 20}&evil=1`;
        const next = `${world.fhir.baseUrl}fhir/R4/Patient?${query}`;
        assert.ok(!url.searchParams.has('evil'));
        return {
          resourceType: 'Bundle',
          link: [{ relation: 'next', url: next }],
          entry: [{ resource: find('Patient', isIn(clinic.NORTH)) }],
        };
      };
      const bundle = await as(clinic.NORTH_CLINICIAN).search('Patient', 'gender=female');
      const next = new URL(bundle.link?.find(({ relation }) => relation === 'next')?.url ?? '');
      assert.equal(next.search, '?gender=female&_offset=20', "the bot's own query, and a place");
      asked = 0;
      for await (const page of as(clinic.NORTH_CLINICIAN).searchResourcePages('Patient')) assert.ok(page.length <= 1);
      for (const { url } of world.fhir.requests) assert.match(url, new RegExp(`_compartment=${clinic.NORTH}`));
      // A link that leads back is not followed for ever.
      world.fhir.hijack = () => ({
        resourceType: 'Bundle',
        link: [{ relation: 'next', url: `${world.fhir.baseUrl}x?_offset=0` }],
        entry: [],
      });
      for await (const page of as(clinic.NORTH_CLINICIAN).searchResourcePages('Patient')) assert.equal(page.length, 0);
    });

    it('unites several searches, and refuses what holds for one only', async () => {
      const real = await world.pdp.filter({ subject: clinic.MSO_STAFF, resourceType: 'Patient' });
      assert.equal(real.queries.length, 2);
      // As where the two cannot be said in one search, and one finds what the
      // other does, too.
      const filter: typeof world.pdp.filter = async (question) => {
        const { queries } = await world.pdp.filter({ subject: clinic.MSO_STAFF, resourceType: 'Patient' });
        const asked = question.query ? `&${question.query}` : '';
        const several = [...queries, ...queries].map((query) => query + asked);
        return FilterAnswer.of(
          create(FilterResponseSchema, {
            kind: FilterKind.CONDITIONAL,
            reason: Reason.PERMITTED,
            enforcementHttpStatus: 200,
            queries: several,
          }),
          'Patient',
        );
      };
      const { pdp } = world;
      const several = { pdp: { filter, check: pdp.check.bind(pdp), filterResources: pdp.filterResources.bind(pdp) } };
      const guard = as(clinic.MSO_STAFF, several);
      const both = idsIn('Patient', (r) => isIn(clinic.NORTH)(r) || isIn(clinic.SOUTH)(r));
      const bundle = await guard.search('Patient');
      assert.deepEqual((bundle.entry ?? []).map(({ resource }) => resource?.id as string).sort(), both);
      assert.equal(bundle.total, undefined);
      assert.equal(world.fhir.requests.length, 4);
      const found: string[] = [];
      for await (const page of guard.searchResourcePages('Patient', '_count=1')) found.push(...ids(page));
      assert.deepEqual(found.sort(), both);
      for (const query of ['_sort=birthdate', '_total=accurate', '_count=0', '_summary=count', '_cursor=x']) {
        await assert.rejects(guard.search('Patient', query), MisuseError, query);
      }
      // The one search of the real answer has all of them.
      assert.deepEqual(ids(await as(clinic.MSO_STAFF).searchResources('Patient')), both);
    });
  });

  describe('reading', () => {
    it('shows what the member may read, and the same of all else', async () => {
      const own = await as(clinic.PATIENT_MEMBER).readResource('Patient', clinic.PATIENT_1);
      assert.equal(own.id, clinic.PATIENT_1);
      const errors: unknown[] = [];
      for (const id of [clinic.PATIENT_2, '20000009-0000-4000-8000-000000000009']) {
        await as(clinic.PATIENT_MEMBER)
          .readResource('Patient', id)
          .catch((error: unknown) => errors.push(error));
      }
      world.fhir.delete('Patient', clinic.PATIENT_2);
      await as(clinic.PATIENT_MEMBER)
        .readResource('Patient', clinic.PATIENT_2)
        .catch((error: unknown) => errors.push(error));
      assert.equal(errors.length, 3);
      for (const error of errors) {
        assert.ok(error instanceof PermissionDenied);
        assert.equal(error.httpStatus, 403);
        assert.match(error.message, /^not permitted \(decision [0-9a-f-]{36}\)$/);
      }
    });

    it('takes ids and references that are nothing else', async () => {
      const guard = as(clinic.NORTH_CLINICIAN);
      const hostile = [
        ...[
          '',
          '.',
          '..',
          '../Observation/1',
          '1/_history/2',
          '1?_format=x',
          '1#x',
          '%2e%2e',
          'a/b',
          '$everything',
          'a b',
        ],
        `${clinic.PATIENT_1}/$everything`,
        'x'.repeat(65),
      ];
      for (const id of hostile) {
        await assert.rejects(guard.readResource('Patient', id), MisuseError, id);
        await assert.rejects(guard.readHistory('Patient', id), MisuseError, id);
        await assert.rejects(guard.readVersion('Patient', clinic.PATIENT_1, id), MisuseError, id);
        await assert.rejects(guard.deleteResource('Patient', id), MisuseError, id);
        await assert.rejects(guard.readReference({ reference: `Patient/${id}` }), MisuseError, id);
      }
      for (const reference of [
        'system',
        '',
        'Patient',
        'https://x/Patient/1',
        'Patient/1/_history/2',
        '#x',
        'Patient?identifier=1',
      ]) {
        await assert.rejects(guard.readReference({ reference }), MisuseError, reference);
      }
      await assert.rejects(guard.readReference({}), MisuseError);
      assert.deepEqual(world.fhir.requests, []);
      assert.equal((await guard.readReference({ reference: `Patient/${clinic.PATIENT_1}` })).id, clinic.PATIENT_1);
    });

    it('takes no options that make another request of it', async () => {
      const guard = as(clinic.NORTH_CLINICIAN);
      const hostile: RequestInit[] = [
        { method: 'DELETE' },
        { body: '{}' },
        { headers: { Authorization: 'Bearer x' } },
        { headers: { 'X-Medplum-On-Behalf-Of': 'Practitioner/1' } },
        { headers: [['X-Medplum', 'no']] },
        { headers: new Headers({ 'If-None-Exist': 'x' }) },
        { headers: { 'If-Match': 'W/"1"' } },
        { redirect: 'manual' },
      ];
      for (const options of hostile) {
        await assert.rejects(
          guard.readResource('Patient', clinic.PATIENT_1, options),
          MisuseError,
          JSON.stringify(options),
        );
        await assert.rejects(guard.search('Patient', '', options), MisuseError, JSON.stringify(options));
        await assert.rejects(guard.createResource({ resourceType: 'Patient' }, options), MisuseError);
      }
      assert.deepEqual(world.fhir.requests, []);
    });

    it("serves nothing from the client's cache", async () => {
      // The bot has read it, as itself and for another member.
      await world.medplum.readResource('Patient', clinic.PATIENT_1);
      await world.medplum.search('Patient');
      await as(clinic.NORTH_CLINICIAN).readResource('Patient', clinic.PATIENT_1);
      await as(clinic.NORTH_CLINICIAN).search('Patient');
      await assert.rejects(as(clinic.SOUTH_CLINICIAN).readResource('Patient', clinic.PATIENT_1), PermissionDenied);
      const found = await as(clinic.SOUTH_CLINICIAN).searchResources('Patient');
      assert.ok(!ids(found).includes(clinic.PATIENT_1));
      const stripped = await as(clinic.SCORE_SERVICE).readResource('Patient', clinic.PATIENT_1);
      assert.ok(!('name' in stripped));
      assert.ok('name' in (await as(clinic.NORTH_CLINICIAN).readResource('Patient', clinic.PATIENT_1)));
      // What has changed since is judged as it is.
      const patient = find('Patient', ({ id }) => id === clinic.PATIENT_1);
      const south = [{ reference: clinic.SOUTH }];
      const compartment = [{ reference: `Project/${clinic.PROJECT}` }, ...south];
      world.fhir.put({
        ...patient,
        meta: {
          ...patient.meta,
          versionId: 'moved',
          lastUpdated: '2030-01-01T00:00:00Z',
          accounts: south,
          compartment,
        },
      });
      await assert.rejects(as(clinic.NORTH_CLINICIAN).readResource('Patient', clinic.PATIENT_1), PermissionDenied);
    });

    it('sends each request by itself, where the client would batch', async () => {
      world.medplum = new MedplumClient({
        baseUrl: world.fhir.baseUrl,
        accessToken: 'a.e30.c',
        autoBatchTime: 20,
        maxRetries: 0,
      });
      const guard = as(clinic.NORTH_CLINICIAN);
      const [one, other] = await Promise.all([
        guard.readResource('Patient', clinic.PATIENT_1),
        guard.readResource('Patient', clinic.PATIENT_2),
      ]);
      assert.deepEqual([one.id, other.id], [clinic.PATIENT_1, clinic.PATIENT_2]);
      assert.deepEqual(writes(), []);
      for (const { headers } of world.fhir.requests) assert.equal(headers['x-medplum'], 'extended');
    });

    it('does not hand on links that open what the member may not', async () => {
      const binary = '40000001-0000-4000-8000-000000000001';
      const signed = `https://storage.example.com/binary/${binary}/40000002-0000-4000-8000-000000000001?Expires=1&Signature=abc&Key-Pair-Id=K`;
      const document = find('DocumentReference', isIn(clinic.NORTH));
      const content = [{ attachment: { contentType: 'text/plain', url: signed } }];
      const meta = { ...document.meta, versionId: 'signed', lastUpdated: '2030-01-01T00:00:00Z' };
      world.fhir.put({ ...document, content, meta });
      const guard = as(clinic.NORTH_ADMIN);
      const read = await guard.readResource('DocumentReference', document.id);
      assert.equal(read.content?.[0]?.attachment?.url, `Binary/${binary}`);
      const searched = await guard.searchResources('DocumentReference', `_id=${document.id}`);
      assert.ok(searched.length === 1 && !JSON.stringify(searched).includes('Signature'));
      assert.ok(!JSON.stringify(await guard.readHistory('DocumentReference', document.id)).includes('Signature'));
    });

    it('shows versions to those who may read versions', async () => {
      const history = await as(clinic.NORTH_CLINICIAN).readHistory('Patient', clinic.PATIENT_1);
      assert.equal(history.entry?.length, 1);
      await assert.rejects(as(clinic.SOUTH_CLINICIAN).readHistory('Patient', clinic.PATIENT_1), PermissionDenied);
      await assert.rejects(
        as(clinic.NORTH_CLINICIAN).readHistory('Patient', '20000009-0000-4000-8000-000000000009'),
        PermissionDenied,
      );
      const version = find('Patient', ({ id }) => id === clinic.PATIENT_1).meta.versionId ?? '';
      assert.equal(
        (await as(clinic.NORTH_CLINICIAN).readVersion('Patient', clinic.PATIENT_1, version)).id,
        clinic.PATIENT_1,
      );
      await assert.rejects(
        as(clinic.SOUTH_CLINICIAN).readVersion('Patient', clinic.PATIENT_1, version),
        PermissionDenied,
      );
      await assert.rejects(
        as(clinic.NORTH_CLINICIAN).readVersion('Patient', clinic.PATIENT_1, 'absent'),
        PermissionDenied,
      );
    });

    it('shows no version that is newer than what was judged', async () => {
      const patient = find('Patient', ({ id }) => id === clinic.PATIENT_1);
      const accounts = [{ reference: clinic.SOUTH }];
      const compartment = [{ reference: `Project/${clinic.PROJECT}` }, ...accounts];
      const meta = { ...patient.meta, versionId: 'moved', lastUpdated: '2030-01-01T00:00:00Z', accounts, compartment };
      const guard = as(clinic.NORTH_CLINICIAN);
      for (const run of [
        () => guard.readHistory('Patient', clinic.PATIENT_1),
        () => guard.readVersion('Patient', clinic.PATIENT_1, 'moved'),
      ]) {
        // It moves to the other clinic between two requests of the guard.
        world.fhir.afterAnswer = () => {
          world.fhir.afterAnswer = undefined;
          world.fhir.put({ ...patient, meta });
        };
        await assert.rejects(run, PermissionDenied, run.toString());
      }
    });

    it('has no decision where the decision point is away', async () => {
      const away = new PdpClient('127.0.0.1:1', { insecure: true, deadlineMs: 2_000 });
      const guard = as(clinic.NORTH_CLINICIAN, { pdp: away });
      await assert.rejects(guard.search('Patient'), NoDecision);
      await assert.rejects(guard.readResource('Patient', clinic.PATIENT_1), NoDecision);
      await assert.rejects(guard.readResource('Patient', 'absent'), NoDecision);
      await assert.rejects(guard.createResource({ resourceType: 'Patient' }), NoDecision);
      await assert.rejects(guard.deleteResource('Patient', clinic.PATIENT_1), NoDecision);
      assert.deepEqual(writes(), []);
      away.close();
    });
  });
});
