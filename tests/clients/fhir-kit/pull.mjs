// An EHR that pulls a patient's plan with fhir-kit-client as it is published. What it saw goes to stdout as JSON.
import { CapabilityTool, Client } from 'fhir-kit-client';

const { BASE, TOKEN, PATIENT } = process.env;
const client = new Client({ baseUrl: BASE, bearerToken: TOKEN });
const named = (bundle) => (bundle.entry ?? []).map(({ resource }) => `${resource.resourceType}/${resource.id}`);

async function everyPage(first) {
  const pages = [];
  for (let page = first; page; page = await client.nextPage({ bundle: page })) pages.push(named(page));
  return pages;
}

const can = new CapabilityTool(await client.capabilityStatement());

const planned = await client.search({
  resourceType: 'CarePlan',
  searchParams: { patient: PATIENT, _include: ['CarePlan:activity-reference', 'CarePlan:goal'] },
});
const [plan] = planned.entry.map(({ resource }) => resource);

const posted = await client.search({
  resourceType: 'MedicationRequest',
  searchParams: { patient: `Patient/${PATIENT}`, date: '2026-02-17' },
  options: { postSearch: true },
});
const paged = await client.search({
  resourceType: 'MedicationRequest',
  searchParams: { subject: `${BASE}/Patient/${PATIENT}`, _sort: '-date', _count: 6, _elements: 'dosageInstruction' },
});
const order = await client.resolve({ reference: plan.activity[1].reference.reference, context: planned });
const version = await client.vread({ resourceType: 'CarePlan', id: plan.id, version: plan.meta.versionId });
const history = await client.history({ resourceType: 'CarePlan', id: plan.id });
const missing = await client.read({ resourceType: 'Task', id: 'nobody' }).catch((error) => ({
  status: error.response.status,
  outcome: error.response.data.resourceType,
}));

console.log(
  JSON.stringify({
    can: [can.resourceCan('CarePlan', 'search-type'), can.resourceSearch('MedicationRequest', 'date')],
    plan: planned.entry.map(({ search, resource }) => [search.mode, `${resource.resourceType}/${resource.id}`]),
    activities: plan.activity.map(({ reference }) => reference.reference),
    due: posted.entry.map(({ resource }) => resource.medicationCodeableConcept.text),
    pages: await everyPage(paged),
    order: order.resourceType,
    version: version.meta.versionId,
    history: [history.type, history.total],
    missing,
  }),
);
