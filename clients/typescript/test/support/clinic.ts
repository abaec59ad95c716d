/** Members and resources of the sample clinic (docs/security/access-policies). */

import * as fs from 'node:fs';
import * as path from 'node:path';

import { ROOT } from './pdpd';

const membership = (id: string): string => `ProjectMembership/${id}`;

/** Clinicians of the two clinics: all patients of their clinic. */
export const NORTH_CLINICIAN = membership('13000001-0000-4000-8000-000000000001');
export const SOUTH_CLINICIAN = membership('13000002-0000-4000-8000-000000000001');
export const NORTH_ADMIN = membership('13000001-0000-4000-8000-000000000005');
export const NORTH_ASSISTANT = membership('13000001-0000-4000-8000-000000000006');
/** Reads Tasks, and may change their status alone. */
export const NORTH_NURSE = membership('13000001-0000-4000-8000-000000000007');
/** A clinician with two patients. */
export const ASSIGNED_CLINICIAN = membership('13000001-0000-4000-8000-000000000002');
/** Of both clinics. */
export const MSO_STAFF = membership('13000000-0000-4000-8000-000000000001');
/** Two patients of the north clinic. */
export const PATIENT_MEMBER = membership('13000001-0000-4000-8000-000000000020');
/** A service that sees no names. */
export const SCORE_SERVICE = membership('13000001-0000-4000-8000-000000000030');
export const NORTH = 'Organization/11000001-0000-4000-8000-000000000001';
export const SOUTH = 'Organization/11000002-0000-4000-8000-000000000001';
export const PROJECT = '10000000-0000-4000-8000-000000000001';

export const PATIENT_1 = '20000001-0000-4000-8000-000000000001';
export const PATIENT_2 = '20000001-0000-4000-8000-000000000002';
export const SOUTH_PATIENT = '20000002-0000-4000-8000-000000000001';

export interface StoredResource {
  resourceType: string;
  id: string;
  meta: { project?: string; versionId?: string; [key: string]: unknown };
  [key: string]: unknown;
}

/** All resources of the sample clinic of one project. */
export function clinicResources(): StoredResource[] {
  const directory = path.join(ROOT, 'docs/security/access-policies/sample-clinic/one-project');
  return fs.readdirSync(directory).flatMap((name) => {
    const bundle: unknown = JSON.parse(fs.readFileSync(path.join(directory, name), 'utf8'));
    return (bundle as { entry: { resource: StoredResource }[] }).entry.map(({ resource }) => resource);
  });
}
