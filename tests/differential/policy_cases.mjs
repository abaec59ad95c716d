// Random cases of access: policies, resources, interactions.

import { below, chance, pick, pickWeighted, repeat } from './choices.mjs';
import { bundle, clean, observation, patient, questionnaire } from './fhirpath_resources.mjs';
import { IDS, REFERENCES, WORDS } from './resources.mjs';

export const INTERACTIONS = ['read', 'vread', 'update', 'delete', 'history', 'create', 'search'];
const COMMON = [
  'Patient',
  'Observation',
  'Task',
  'Encounter',
  'Communication',
  'Binary',
  'Project',
  'ProjectMembership',
  'User',
  'Login',
];
const SMALL = [patient, observation, questionnaire, bundle];
const FIELDS = [
  'name',
  'name.family',
  'value[x]',
  'meta.tag',
  'id',
  'identifier',
  'foo',
  'extension',
  'note.text',
];

export class PolicyCases {
  #resources;
  #criteria;
  #fhirpath;

  constructor(resources, criteria, fhirpath) {
    this.#resources = resources;
    this.#criteria = criteria;
    this.#fhirpath = fhirpath;
  }

  entry() {
    const resource = this.#resource();
    const before = chance(0.6) ? this.#changed(resource) : undefined;
    return {
      kind: 'entry',
      policy: {
        resourceType: 'AccessPolicy',
        resource: repeat(1 + below(6), () => this.entryFor(resource)),
      },
      resource,
      before,
      interaction: pick(chance(0.5) ? INTERACTIONS : ['create', 'update']),
    };
  }

  // An entry that may let `resource` through.
  entryFor(resource) {
    const type = resource.resourceType;
    const entry = {
      resourceType: pickWeighted({
        [type]: 75,
        '*': 14,
        [pick(this.#resources.types)]: 8,
        [type.toLowerCase()]: 1,
        Foo: 1,
      }),
    };
    if (chance(0.65)) entry.criteria = this.#criteriaFor(entry.resourceType, resource);
    if (chance(0.3)) entry.readonly = chance(0.6);
    if (chance(0.45)) entry.interaction = this.#interactions();
    if (chance(0.12)) entry.compartment = this.#compartment(resource);
    if (chance(0.2)) entry.hiddenFields = repeat(1 + below(3), () => pick(FIELDS));
    if (chance(0.2)) entry.readonlyFields = repeat(1 + below(3), () => pick(FIELDS));
    if (chance(0.45)) {
      entry.writeConstraint = repeat(1 + below(3), () => ({
        language: pick(['text/fhirpath', 'text/fhirpath', 'text/cql']),
        expression: this.#fhirpath.expression(resource) || 'true',
      }));
    }
    return entry;
  }

  #resource() {
    if (chance(0.5)) {
      const resource = clean(pick(SMALL)());
      resource.meta = {
        ...resource.meta,
        compartment: repeat(below(3), () => this.#resources.reference()),
      };
      return resource;
    }
    return this.#resources.resource(
      chance(0.5) ? pick(COMMON) : pick(this.#resources.types),
      [],
      chance(0.03),
    );
  }

  // As `resource` was before: some members otherwise.
  #changed(resource) {
    const before = clean(resource);
    const other = this.#resources.resource(resource.resourceType);
    for (const name of Object.keys({ ...before, ...other })) {
      if (name === 'resourceType' || name === 'id' || chance(0.7)) continue;
      if (other[name] === undefined || chance(0.3)) delete before[name];
      else before[name] = other[name];
    }
    return before;
  }

  #criteriaFor(entryType, resource) {
    const text = this.#criteria.criteria(resource);
    const query = text.slice(text.indexOf('?') + 1);
    const type = resource.resourceType;
    return pickWeighted({
      [text]: 70,
      [`${entryType}?${query}`]: 14,
      [`*?${query}`]: 3,
      [`a/b/${type}?${query}`]: 2,
      [`${type}?`]: 1,
      [`${type}?_count=1`]: 1,
      [`${type}?_sort=name&_total=accurate`]: 1,
      [type]: 1,
      [query]: 1,
      [this.#criteria.parse().text]: 4,
      [`${type}?_project=${pick(IDS)}`]: 2,
      [`${type}?_compartment=${pick(REFERENCES)}`]: 3,
      [`${type}?_id=${pick(IDS)}`]: 2,
    });
  }

  // An empty list is not stored, so none is made.
  #interactions() {
    const words = repeat(1 + below(5), () => pick(INTERACTIONS));
    if (chance(0.03)) words.push(pick(['patch', 'READ', '', 'write', '*']));
    return words;
  }

  #compartment(resource) {
    const there = resource.meta?.compartment?.[0];
    if (chance(0.08)) return pick([{ display: pick(WORDS) }, { identifier: { value: 'x' } }, {}]);
    if (typeof there?.reference === 'string' && chance(0.6)) {
      return { reference: chance(0.8) ? there.reference : there.reference.split('/').pop() };
    }
    return { reference: pick(REFERENCES) };
  }
}
