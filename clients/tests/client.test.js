// Every method of the client, with a token and without.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { CATALOG_FILTER_EXISTS, CatalogClient } from '@backstage/catalog-client';

import { MANY, component, start, until } from './server.js';

const TOKEN = 'the-token-of-the-test';
const GUARDED = { externalAccess: [{ type: 'static', options: { token: TOKEN, subject: 'test' } }] };

const names = entities => entities.map(entity => entity.metadata.name);
const status = expected => error => error.response?.status === expected;

async function collect(pages) {
  const all = [];
  for await (const page of pages) all.push(...page);
  return all;
}

for (const [what, auth, options] of [
  ['a server that is open, without a token', undefined, undefined],
  ['a server that is guarded, with a token', GUARDED, { token: TOKEN }],
]) {
  describe(what, () => {
    let server;
    let client;

    before(async () => {
      server = await start(auth);
      client = new CatalogClient({ discoveryApi: server.discoveryApi });
      await until('all entities', async () => {
        const { totalItems } = await client.queryEntities({ filter: { kind: ['component', 'group'] }, limit: 0 }, options);
        return totalItems === MANY + 4 ? true : undefined;
      });
    });
    after(() => server?.stop());

    /** Waits for an entity. */
    const entity = ref => until(ref, () => client.getEntityByRef(ref, options));

    test('getEntities', async () => {
      const request = {
        filter: { kind: 'component', 'metadata.tags': CATALOG_FILTER_EXISTS },
        fields: ['metadata.name'],
        order: { field: 'metadata.name', order: 'desc' },
      };
      const { items } = await client.getEntities(request, options);
      assert.deepEqual(items, ['sound', 'lights', 'curtain'].map(name => ({ metadata: { name } })));
      const page = await client.getEntities({ ...request, offset: 1, limit: 1 }, options);
      assert.deepEqual(names(page.items), ['lights']);
      assert.equal((await client.getEntities(undefined, options)).items.length >= MANY + 4, true);
    });

    test('getEntitiesByRefs asks in several requests and keeps the order', async () => {
      const entityRefs = Array.from({ length: MANY }, (_, i) => `component:default/one-of-many-${i}`);
      entityRefs.splice(1050, 0, 'component:default/nowhere');
      const { items } = await client.getEntitiesByRefs({ entityRefs, fields: ['metadata.name'] }, options);
      assert.equal(items.length, MANY + 1);
      assert.equal(items[1050], undefined);
      assert.equal(items[0].metadata.name, 'one-of-many-0');
      assert.equal(items[MANY].metadata.name, `one-of-many-${MANY - 1}`);
    });

    test('getEntitiesByRefs with filter and query', async () => {
      const entityRefs = ['component:default/lights', 'component:default/sound'];
      const filtered = await client.getEntitiesByRefs({ entityRefs, filter: { 'metadata.tags': 'go' } }, options);
      assert.deepEqual(filtered.items.map(item => item?.metadata.name), [undefined, 'sound']);
      const queried = await client.getEntitiesByRefs({ entityRefs, query: { 'metadata.tags': { $contains: 'java' } } }, options);
      assert.deepEqual(queried.items.map(item => item?.metadata.name), ['lights', undefined]);
    });

    for (const [how, request] of [
      ['filter', { filter: { 'metadata.tags': CATALOG_FILTER_EXISTS } }],
      ['query', { query: { 'metadata.tags': { $exists: true } } }],
    ]) {
      test(`queryEntities by ${how}, to the end and back`, async () => {
        const orderFields = { field: 'metadata.name', order: 'asc' };
        const first = await client.queryEntities({ ...request, orderFields, limit: 2 }, options);
        assert.deepEqual([names(first.items), first.totalItems], [['curtain', 'lights'], 3]);
        assert.equal(first.pageInfo.prevCursor, undefined);
        const second = await client.queryEntities({ cursor: first.pageInfo.nextCursor, limit: 2 }, options);
        assert.deepEqual([names(second.items), second.totalItems], [['sound'], 3]);
        assert.equal(second.pageInfo.nextCursor, undefined);
        const back = await client.queryEntities({ cursor: second.pageInfo.prevCursor, limit: 2 }, options);
        assert.deepEqual(names(back.items), ['curtain', 'lights']);
      });
    }

    test('queryEntities with full text, offset, fields and without a total', async () => {
      const found = await client.queryEntities({ fullTextFilter: { term: 'ligh', fields: ['metadata.title'] } }, options);
      assert.deepEqual(names(found.items), ['lights']);
      const request = { filter: { kind: 'component' }, orderFields: { field: 'metadata.name', order: 'asc' } };
      const page = await client.queryEntities(
        { ...request, offset: 1, limit: 1, fields: ['metadata.name'], totalItems: 'exclude' },
        options,
      );
      assert.deepEqual(page.items, [{ metadata: { name: 'lights' } }]);
      assert.equal(page.totalItems, 0);
    });

    test('streamEntities', async () => {
      const filter = { 'metadata.labels.many': 'yes' };
      const streamed = await collect(client.streamEntities({ filter }, options));
      assert.equal(new Set(names(streamed)).size, MANY);
      const pages = [];
      for await (const page of client.streamEntities({ filter, pageSize: 400 }, options)) pages.push(page.length);
      assert.deepEqual(pages, [400, 400, MANY - 800]);
    });

    test('getEntityByRef and getEntityByName', async () => {
      assert.equal((await client.getEntityByRef('component:default/lights', options)).metadata.title, 'Lights');
      const compound = { kind: 'Component', namespace: 'default', name: 'lights' };
      assert.equal((await client.getEntityByRef(compound, options)).metadata.title, 'Lights');
      assert.equal((await client.getEntityByName(compound, options)).metadata.title, 'Lights');
      assert.equal(await client.getEntityByRef('component:default/nowhere', options), undefined);
    });

    test('getEntityAncestors', async () => {
      const { rootEntityRef, items } = await client.getEntityAncestors({ entityRef: 'component:default/lights' }, options);
      assert.equal(rootEntityRef, 'component:default/lights');
      assert.equal(items.length, 2);
      assert.equal(items[0].parentEntityRefs.length, 1);
      assert.match(items[0].parentEntityRefs[0], /^location:default\/generated-/);
      await assert.rejects(client.getEntityAncestors({ entityRef: 'component:default/nowhere' }, options), status(404));
    });

    test('getEntityFacets', async () => {
      const expected = { facets: { 'metadata.tags': [{ value: 'go', count: 2 }, { value: 'java', count: 1 }] } };
      const byFilter = await client.getEntityFacets({ facets: ['metadata.tags'], filter: { kind: 'component' } }, options);
      const byQuery = await client.getEntityFacets({ facets: ['metadata.tags'], query: { kind: 'component' } }, options);
      for (const { facets } of [byFilter, byQuery]) {
        facets['metadata.tags'].sort((left, right) => left.value.localeCompare(right.value));
        assert.deepEqual({ facets }, expected);
      }
    });

    test('refreshEntity', async () => {
      await client.refreshEntity('component:default/lights', options);
      await assert.rejects(client.refreshEntity('component:default/nowhere', options), status(404));
    });

    test('locations: dry run, added, found, changed, removed', async () => {
      const target = server.fileUrl('/first.yaml');
      const dry = await client.addLocation({ target, dryRun: true }, options);
      assert.equal(dry.exists, false);
      assert.deepEqual(names(dry.entities).includes('first'), true);
      assert.deepEqual((await client.getLocations(undefined, options)).items, []);

      const { location, exists } = await client.addLocation({ target }, options);
      assert.equal(exists, undefined);
      assert.deepEqual({ type: location.type, target: location.target }, { type: 'url', target });
      await entity('component:default/first');
      assert.equal((await client.addLocation({ target, dryRun: true }, options)).exists, true);

      await assert.rejects(client.addLocation({ target }, options), status(409));
      await assert.rejects(client.addLocation({ target, onConflict: 'reject' }, options), status(409));
      const again = await client.addLocation({ target, onConflict: 'refresh' }, options);
      assert.equal(again.location.id, location.id);

      const { type, id } = location;
      const found = value => ({ type: value.type, target: value.target, id: value.id });
      assert.deepEqual((await client.getLocations(undefined, options)).items.map(found), [{ type, target, id }]);
      assert.deepEqual(found(await client.getLocationById(id, options)), { type, target, id });
      assert.deepEqual(found(await client.getLocationByRef(`url:${target}`, options)), { type, target, id });
      assert.equal(await client.getLocationByRef('url:nowhere', options), undefined);
      const { items } = await client.getEntityAncestors({ entityRef: 'component:default/first' }, options);
      const [locationRef] = items[0].parentEntityRefs;
      assert.deepEqual(found(await client.getLocationByEntity(locationRef, options)), { type, target, id });
      assert.equal(await client.getLocationByEntity('location:default/nowhere', options), undefined);
      assert.equal(await client.getLocationById('6f9619ff-8b86-4d11-b42d-00c04fc964ff', options), undefined);

      const second = server.fileUrl('/second.yaml');
      const updated = await client.updateLocation(id, { target: second }, options);
      assert.equal((updated.location ?? updated).target, second);
      await entity('component:default/second');

      await client.removeLocationById(id, options);
      await until('the entities to go', async () => {
        const left = await client.getEntityByRef('component:default/second', options);
        return left === undefined ? true : undefined;
      });
      await assert.rejects(client.removeLocationById(id, options), status(404));
    });

    test('queryLocations and streamLocations', async () => {
      const targets = Array.from({ length: 5 }, (_, i) => server.fileUrl(`/second.yaml?${i}`));
      const ids = [];
      for (const target of targets) ids.push((await client.addLocation({ target }, options)).location.id);
      const request = { query: { type: 'url' }, limit: 2 };
      const first = await client.queryLocations(request, options);
      assert.deepEqual([first.items.length, first.totalItems], [2, 5]);
      const second = await client.queryLocations({ cursor: first.pageInfo.nextCursor }, options);
      assert.equal(second.items.length, 2);
      const one = await client.queryLocations({ query: { target: targets[3] } }, options);
      assert.deepEqual(one.items.map(location => location.id), [ids[3]]);
      const streamed = await collect(client.streamLocations(request, options));
      assert.deepEqual(streamed.map(location => location.target).sort(), [...targets].sort());
      for (const id of ids) await client.removeLocationById(id, options);
      assert.deepEqual(await collect(client.streamLocations({}, options)), []);
    });

    test('removeEntityByUid', async () => {
      const { metadata } = await client.getEntityByRef('component:default/curtain', options);
      await client.removeEntityByUid(metadata.uid, options);
      // Its source still has it, so it comes back as another.
      const uid = await until('the entity to come back', async () => {
        const found = await client.getEntityByRef('component:default/curtain', options);
        return found && found.metadata.uid !== metadata.uid ? found.metadata.uid : undefined;
      });
      assert.notEqual(uid, metadata.uid);
    });

    test('validateEntity', async () => {
      const locationRef = `url:${server.fileUrl('/catalog.yaml')}`;
      assert.deepEqual(await client.validateEntity(component('good'), locationRef, options), { valid: true });
      const bad = await client.validateEntity(component('not a name'), locationRef, options);
      assert.equal(bad.valid, false);
      assert.match(bad.errors[0].message, /metadata\.name/);
    });

    test('analyzeLocation', async () => {
      const location = { type: 'url', target: 'https://github.com/acme/lights' };
      const analysis = await client.analyzeLocation({ location }, options);
      assert.equal(analysis.generateEntities.length, 1);
      assert.equal(analysis.generateEntities[0].entity.metadata.name, 'lights');
    });
  });
}

describe('a server that is guarded, without a token that it knows', () => {
  let server;
  let client;

  before(async () => {
    server = await start(GUARDED);
    client = new CatalogClient({ discoveryApi: server.discoveryApi });
  });
  after(() => server?.stop());

  for (const [what, options] of [['none', undefined], ['another', { token: 'a-token-of-somebody' }]]) {
    test(`${what} is refused everywhere`, async () => {
      const location = { type: 'url', target: 'https://github.com/acme/lights' };
      const requests = [
        () => client.getEntities(undefined, options),
        () => client.getEntitiesByRefs({ entityRefs: ['component:default/lights'] }, options),
        () => client.queryEntities({}, options),
        () => client.queryEntities({ query: { kind: 'component' } }, options),
        () => collect(client.streamEntities({}, options)),
        () => client.getEntityByRef('component:default/lights', options),
        () => client.getEntityAncestors({ entityRef: 'component:default/lights' }, options),
        () => client.getEntityFacets({ facets: ['kind'] }, options),
        () => client.refreshEntity('component:default/lights', options),
        () => client.addLocation({ target: location.target }, options),
        () => client.addLocation({ target: location.target, dryRun: true }, options),
        () => client.updateLocation('1', { target: location.target }, options),
        () => client.getLocations(undefined, options),
        () => client.getLocationById('1', options),
        () => client.getLocationByRef('url:x', options),
        () => client.getLocationByEntity('location:default/x', options),
        () => client.queryLocations({}, options),
        () => collect(client.streamLocations({}, options)),
        () => client.removeLocationById('1', options),
        () => client.removeEntityByUid('1', options),
        () => client.validateEntity(component('good'), 'url:https://host/x', options),
        () => client.analyzeLocation({ location }, options),
      ];
      for (const request of requests) {
        await assert.rejects(request, status(401), request.toString());
      }
    });
  }
});
