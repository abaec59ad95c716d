/** What a guarded client writes. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { OperationOutcomeError } from '@medplum/core';
import { MockClient } from '@medplum/mock';
import type { Observation, Patient, Resource } from '@medplum/fhirtypes' with { 'resolution-mode': 'import' };

import { MisuseError, PermissionDenied } from '../../src';
import { type GuardedMedplum, guardMedplum } from '../../src/medplum';
import * as clinic from '../support/clinic';
import { type StoredResource } from '../support/clinic';
import { GuardWorld, NORTH_OBSERVATION, RESOURCES, SOUTH_OBSERVATION, find, isIn } from '../support/guard_world';

describe('a guarded client', () => {
  const world = new GuardWorld();
  const { as, writes } = world;

  describe('writing', () => {
    const observation = (patient: string): Observation => ({
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'weight' },
      subject: { reference: `Patient/${patient}` },
    });

    it('stores what was judged', async () => {
      const made = await as(clinic.NORTH_NURSE).createResource(observation(clinic.PATIENT_1));
      assert.equal(made.resourceType, 'Observation');
      assert.deepEqual(writes(), ['POST /fhir/R4/Observation']);
      const sent = JSON.parse(world.fhir.requests.at(-1)?.body ?? '') as StoredResource;
      assert.equal(sent.id, undefined);
      assert.deepEqual(Object.keys(sent.meta).sort(), ['account', 'accounts', 'project']);
      assert.ok(JSON.stringify(sent.meta['accounts']).includes(clinic.NORTH));
    });

    it('stores nothing that was not permitted', async () => {
      const south = as(clinic.SOUTH_CLINICIAN);
      const stored = world.fhir.get('Observation', NORTH_OBSERVATION.id) as unknown as Observation & { id: string };
      for (const run of [
        () => as(clinic.NORTH_NURSE).createResource(observation(clinic.SOUTH_PATIENT)),
        () => as(clinic.PATIENT_MEMBER).createResource({ resourceType: 'Organization', name: 'x' }),
        () => as(clinic.PATIENT_MEMBER).createResource({ resourceType: 'AccessPolicy' }),
        () => south.updateResource({ ...stored, status: 'amended' }),
        () => south.patchResource('Observation', stored.id, [{ op: 'replace', path: '/status', value: 'amended' }]),
        () => south.deleteResource('Observation', stored.id),
        () => as(clinic.NORTH_NURSE).deleteResource('Observation', stored.id),
        () => as(clinic.NORTH_NURSE).updateResource({ ...stored, id: '20000009-0000-4000-8000-000000000009' }),
        () => south.upsertResource(observation(clinic.PATIENT_1), 'status=final'),
        () => south.createResourceIfNoneExist(observation(clinic.PATIENT_1), '_id=x'),
      ]) {
        await assert.rejects(run, PermissionDenied, run.toString());
      }
      assert.deepEqual(writes(), []);
    });

    it('restores what the member may not change', async () => {
      const task = find(
        'Task',
        (r) => isIn(clinic.NORTH)(r) && JSON.stringify(r['code']).includes('screening') && r['status'] === 'requested',
      ) as unknown as Resource & { id: string };
      const guard = as(clinic.NORTH_NURSE);
      const changed = { ...task, status: 'completed', description: 'changed by the nurse', intent: 'order' };
      const decision = await world.pdp.check({
        subject: clinic.NORTH_NURSE,
        interaction: 'update',
        resource: { body: task, proposed: changed },
        returnCompletedResource: true,
      });
      assert.deepEqual(decision.obligations, ['READONLY_FIELDS']);
      const answer = (await guard.updateResource(changed as Resource & { id: string })) as unknown as StoredResource;
      assert.equal(answer['status'], 'completed');
      assert.equal(answer['description'], (task as unknown as StoredResource)['description']);
      const { description } = task as unknown as StoredResource;
      assert.equal(world.fhir.get('Task', task.id)?.['description'], description);
      assert.equal(world.fhir.requests.at(-1)?.headers['if-match'], `W/"${task.meta?.versionId ?? ''}"`);
    });

    it('stores over the version that was judged, and no other', async () => {
      const stored = world.fhir.get('Observation', NORTH_OBSERVATION.id) as unknown as Observation & { id: string };
      world.fhir.beforeWrite = () => {
        world.fhir.beforeWrite = undefined;
        world.fhir.put({ ...NORTH_OBSERVATION, meta: { ...NORTH_OBSERVATION.meta, versionId: 'newer' } });
      };
      await assert.rejects(
        as(clinic.NORTH_NURSE).updateResource({ ...stored, status: 'amended' }),
        OperationOutcomeError,
      );
      assert.equal(world.fhir.get('Observation', stored.id)?.['status'], NORTH_OBSERVATION['status']);
    });

    it('takes a resource once: it cannot be another when it is stored', async () => {
      let reads = 0;
      const sly = {
        resourceType: 'Observation',
        status: 'final',
        code: { text: 'weight' },
        get subject() {
          return { reference: `Patient/${++reads === 1 ? clinic.PATIENT_1 : clinic.SOUTH_PATIENT}` };
        },
      } as unknown as Observation;
      await as(clinic.NORTH_NURSE).createResource(sly);
      const sent = JSON.parse(world.fhir.requests.at(-1)?.body ?? '') as { subject: { reference: string } };
      assert.equal(sent.subject.reference, `Patient/${clinic.PATIENT_1}`);
      assert.equal(reads, 1);
    });

    it("resolves no reference by a search of the bot's", async () => {
      const conditional = { ...observation(clinic.PATIENT_1), performer: [{ reference: 'Practitioner?name=x' }] };
      await assert.rejects(as(clinic.NORTH_NURSE).createResource(conditional), MisuseError);
      await assert.rejects(as(clinic.NORTH_NURSE).upsertResource(conditional, '_id=x'), MisuseError);
      assert.deepEqual(world.fhir.requests, []);
    });

    it('patches what the member sees, so that a test tells nothing of what is hidden', async () => {
      const guard = as(clinic.NORTH_NURSE);
      const id = NORTH_OBSERVATION.id;
      const patched = await guard.patchResource('Observation', id, [
        { op: 'replace', path: '/status', value: 'amended' },
      ]);
      assert.equal(patched.status, 'amended');
      assert.deepEqual(writes(), [`PUT /fhir/R4/Observation/${id}`]);
      const name = (find('Patient', (r) => r.id === clinic.PATIENT_1)['name'] as { family: string }[])[0]?.family;
      for (const value of [name, 'guess']) {
        const probe = as(clinic.SCORE_SERVICE).patchResource('Patient', clinic.PATIENT_1, [
          { op: 'test', path: '/name/0/family', value },
        ]);
        await assert.rejects(probe, MisuseError, 'the same, right or wrong');
      }
      for (const path of ['/id', '/resourceType']) {
        await assert.rejects(
          guard.patchResource('Observation', id, [{ op: 'replace', path, value: 'Patient' }]),
          MisuseError,
        );
      }
      await assert.rejects(guard.patchResource('Observation', id, [{ op: 'add', path: '/__proto__/x', value: 1 }]));
      await assert.rejects(guard.patchResource('Observation', id, []), MisuseError);
    });

    it('finds by what the member may find, before it creates or updates', async () => {
      const guard = as(clinic.NORTH_NURSE);
      const found = await guard.createResourceIfNoneExist(observation(clinic.PATIENT_1), `_id=${NORTH_OBSERVATION.id}`);
      assert.equal(found.id, NORTH_OBSERVATION.id);
      assert.deepEqual(writes(), []);
      // One of the other clinic is not found, and not told of.
      const made = await guard.createResourceIfNoneExist(
        { ...observation(clinic.PATIENT_1), status: 'preliminary' },
        `_id=${SOUTH_OBSERVATION.id}`,
      );
      assert.notEqual(made.id, SOUTH_OBSERVATION.id);
      const upserted = await guard.upsertResource(
        { ...observation(clinic.PATIENT_1), status: 'amended' },
        `_id=${made.id}`,
      );
      assert.equal(upserted.id, made.id);
      await assert.rejects(
        guard.upsertResource({ ...observation(clinic.PATIENT_1), id: SOUTH_OBSERVATION.id }, `_id=${made.id}`),
        MisuseError,
      );
      for (const { headers } of world.fhir.requests) assert.equal(headers['if-none-exist'], undefined);
      await assert.rejects(guard.upsertResource(observation(clinic.PATIENT_1), ''), MisuseError, 'more than one');
    });

    it('works with a MockClient as well', async () => {
      const mock = new MockClient();
      for (const resource of RESOURCES)
        mock.repo.createResource(structuredClone(resource) as unknown as Resource).catch(assert.fail);
      const guard = (subject: string): GuardedMedplum => guardMedplum(mock, { pdp: world.pdp, subject });
      const patient = await guard(clinic.NORTH_NURSE).readResource('Patient', clinic.PATIENT_1);
      assert.equal(patient.id, clinic.PATIENT_1);
      await assert.rejects(guard(clinic.NORTH_NURSE).readResource('Patient', clinic.SOUTH_PATIENT), PermissionDenied);
      const stripped = await guard(clinic.SCORE_SERVICE).readResource('Patient', clinic.PATIENT_1);
      assert.ok(!('name' in stripped));
      await guard(clinic.NORTH_NURSE).updateResource({ ...patient, gender: 'unknown' });
      assert.equal((await mock.repo.readResource<Patient>('Patient', clinic.PATIENT_1)).gender, 'unknown');
      const made = await guard(clinic.NORTH_NURSE).createResource(observation(clinic.PATIENT_1));
      assert.equal(made.meta?.project, clinic.PROJECT);
      // A bot of another project would create it there; one whose project is not
      // known is found out.
      const elsewhere = new MockClient();
      elsewhere.createResource = async (resource) =>
        Promise.resolve({ ...resource, id: 'x', meta: { project: 'other' } });
      const stranger = guardMedplum(elsewhere, { pdp: world.pdp, subject: clinic.NORTH_NURSE });
      await assert.rejects(stranger.createResource(observation(clinic.PATIENT_1)), /another project/);
      mock.getProject = () => ({ resourceType: 'Project', id: 'other' });
      await assert.rejects(guard(clinic.NORTH_NURSE).createResource(observation(clinic.PATIENT_1)), /another project/);
    });

    it('deletes what the member may delete', async () => {
      const task = find('Task', (r) => isIn(clinic.NORTH)(r) && JSON.stringify(r['code']).includes('screening'));
      await as(clinic.NORTH_ASSISTANT).deleteResource('Task', task.id);
      assert.deepEqual(writes(), [`DELETE /fhir/R4/Task/${task.id}`]);
    });
  });
});
