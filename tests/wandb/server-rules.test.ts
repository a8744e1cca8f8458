// The test server notices what it is there to notice: each rule is broken on purpose, by hand-made requests. A server that lets
// everything pass would let a bad sink pass.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWandbServer, type WandbServer } from './server/wandb-server.ts';
import { parseWandbJson } from './server/wandb-json.ts';

const UPSERT = `mutation UpsertBucket($name: String, $project: String, $config: JSONString, $id: String) {
  upsertBucket(input: { id: $id, name: $name, modelName: $project, config: $config }) {
    bucket { id name historyLineCount project { name entity { name } } }
    inserted
  }
}`;
const RUN_FILES = `mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: { entityName: $entity, projectName: $project, runName: $run, files: $files }) {
    runID uploadHeaders files { name uploadUrl }
  }
}`;
const ARTIFACT = `mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state } }
}`;
const MANIFEST = `mutation CreateArtifactManifest($artifactID: ID!, $digest: String!, $includeUpload: Boolean!) {
  createArtifactManifest(
    input: { artifactID: $artifactID, digest: $digest, name: "wandb_manifest.json", entityName: "team", projectName: "p", runName: "r" }
  ) {
    artifactManifest { id file { id uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) } }
  }
}`;
const COMMIT = `mutation CommitArtifact($artifactID: ID!) {
  commitArtifact(input: { artifactID: $artifactID }) { artifact { id digest } }
}`;

const HISTORY = 'wandb-history.jsonl';

function row(step: number, more: Readonly<Record<string, number>> = {}): string {
  return JSON.stringify({ _step: step, _timestamp: 1, _runtime: 1, ...more });
}

function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null
        ? Object.entries(inner).find(([name]) => name === String(key))?.[1]
        : undefined,
    value,
  );
}

describe('the test server', () => {
  let server: WandbServer;

  beforeEach(async () => {
    server = await startWandbServer({ underWayMs: -1 });
  });

  afterEach(() => server.close());

  function send(path: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const authorization = `Basic ${Buffer.from(`api:${server.apiKey}`).toString('base64')}`;
    return fetch(server.url + path, { method: 'POST', body, headers: { authorization, ...headers } });
  }

  async function graphql(operationName: string, query: string, variables: object): Promise<unknown> {
    return (await send('/graphql', JSON.stringify({ operationName, query, variables }))).json();
  }

  function open(variables: object = {}): Promise<unknown> {
    return graphql('UpsertBucket', UPSERT, { name: 'r', project: 'p', ...variables });
  }

  function stream(body: object): Promise<Response> {
    return send('/files/team/p/r/file_stream', JSON.stringify(body));
  }

  function write(offset: number, ...content: readonly string[]): Promise<Response> {
    return stream({ files: { [HISTORY]: { offset, content } } });
  }

  async function uploadAddress(file: string): Promise<string> {
    const answer = await graphql('CreateRunFiles', RUN_FILES, {
      entity: 'team',
      project: 'p',
      run: 'r',
      files: [file],
    });
    return String(at(answer, 'data', 'createRunFiles', 'files', 0, 'uploadUrl'));
  }

  function put(address: string, bytes: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(address, { method: 'PUT', body: bytes, headers });
  }

  it('finds nothing wrong with a good run', async () => {
    const answer = await open({ config: '{"lr":{"value":0.1}}' });
    expect(answer).toEqual({
      data: {
        upsertBucket: {
          bucket: {
            id: Buffer.from('Run:v1:r:p:team').toString('base64'),
            name: 'r',
            historyLineCount: 0,
            project: { name: 'p', entity: { name: 'team' } },
          },
          inserted: true,
        },
      },
    });
    await write(0, row(0), row(1), row(1, { further: 1 }));
    // The answer was lost: the same again. Then the newest line with a key more, and the next.
    await write(0, row(0), row(1), row(1, { further: 1 }));
    await write(2, row(1, { further: 1, more: 2 }), row(2));
    await put(await uploadAddress('a/b.txt'), 'bytes');
    await stream({ uploaded: ['a/b.txt'] });
    await stream({});
    const last = {
      files: { 'wandb-summary.json': { offset: 0, content: ['{"a":NaN}'] } },
      complete: true,
      exitcode: 0,
    };
    await stream(last);
    await stream(last);
    expect(server.run('p', 'r')).toMatchObject({
      history: [row(0), row(1), row(1, { further: 1, more: 2 }), row(2)],
      summary: { a: Number.NaN },
      uploaded: ['a/b.txt'],
      state: 'finished',
    });
    expect(Buffer.from(server.run('p', 'r')?.files.get('a/b.txt') ?? []).toString('utf8')).toBe('bytes');
    expect(server.violations).toEqual([]);
  });

  it.each<[string, RegExp, () => Promise<unknown>]>([
    ['an unknown path', /^endpoint: POST \/other$/u, () => send('/other', '{}')],
    ['a wrong method', /^endpoint: GET \/graphql$/u, () => fetch(`${server.url}/graphql`, { headers: keyOf(server) })],
    [
      'no key',
      /^auth: POST \/graphql with no key$/u,
      () => fetch(`${server.url}/graphql`, { method: 'POST', body: '{}' }),
    ],
    ['a wrong key', /^auth: .* a wrong key$/u, () => send('/graphql', '{}', { authorization: 'Basic eA==' })],
    ['no GraphQL', /^query: /u, () => send('/graphql', 'x')],
    ['an operation of nobody', /^operation: .*Mine$/u, () => graphql('Mine', 'query Mine { viewer { id } }', {})],
    ['a query without a name', /^operation: /u, () => send('/graphql', '{"query":"{ viewer { id } }"}')],
    ['a field that is none', /^query: .*"loss"/u, () => graphql('Viewer', 'query Viewer { viewer { loss } }', {})],
    ['a query that cannot be read', /^query: .*Syntax/u, () => graphql('Viewer', 'query Viewer {', {})],
    [
      'a missing variable',
      /^variables: .*"\$run"/u,
      () => graphql('CreateRunFiles', RUN_FILES, { entity: 'team', project: 'p', files: [] }),
    ],
    ['an undeclared variable', /^variables: .*\$lr$/u, () => open({ lr: 1 })],
    ['a config that is not wrapped', /^config: r: lr /u, () => open({ config: '{"lr":0.1}' })],
    [
      'files for no run',
      /^unknown-run: files/u,
      () => graphql('CreateRunFiles', RUN_FILES, { entity: 'team', project: 'p', run: 'x', files: [] }),
    ],
    ['rows for no run', /^unknown-run: /u, () => send('/files/team/p/x/file_stream', '{}')],
    ['rows beyond the end', /^gap: .* written at 3, of 0 lines$/u, () => write(3, row(0))],
    [
      'an earlier row changed',
      /^overwrite: .* line 0 of 2/u,
      async () => {
        await write(0, row(0), row(1));
        await write(0, row(0, { changed: 1 }));
      },
    ],
    [
      'the newest row losing a key',
      /^overwrite: .* line 0 of 1/u,
      async () => {
        await write(0, row(0, { lost: 1 }));
        await write(0, row(0, { other: 1 }));
      },
    ],
    [
      'the newest row becoming another',
      /^overwrite: /u,
      async () => {
        await write(0, row(0));
        await write(0, row(1));
      },
    ],
    ['a step that goes back', /^step: r: _step 1 after 2$/u, () => write(0, row(2), row(1))],
    ['a row without a step', /^step: r: no _step/u, () => write(0, '{"a":1}')],
    ['a row that is no JSON', /^line: /u, () => write(0, '{"_step":0,"a":nan}')],
    ['a row that is no object', /^line: /u, () => write(0, '[1]')],
    [
      'a summary in two lines',
      /^summary: /u,
      () => stream({ files: { 'wandb-summary.json': { offset: 0, content: ['{}', '{}'] } } }),
    ],
    [
      'a summary elsewhere',
      /^summary: /u,
      () => stream({ files: { 'wandb-summary.json': { offset: 1, content: ['{}'] } } }),
    ],
    [
      'an unknown file',
      /^body: r: the file stream has no file x/u,
      () => stream({ files: { x: { offset: 0, content: [] } } }),
    ],
    ['an unknown member', /^body: r: not a file stream request/u, () => stream({ dropped: 1 })],
    ['an offset that is none', /^body: /u, () => write(-1, row(0))],
    ['an end without an exit code', /^body: r: complete without/u, () => stream({ complete: true })],
    ['a line too long', /^size: r: a line of 10383361 bytes/u, () => write(0, longRow(10_383_361))],
    ['a request too long', /^size: r: .* in a request$/u, () => write(0, longRow(6_000_000), longRow(6_000_000))],
    [
      'rows after the end',
      /^after-complete: r: file stream/u,
      async () => {
        await stream({ complete: true, exitcode: 0 });
        await write(0, row(0));
      },
    ],
    [
      'files after the end',
      /^after-complete: r: files/u,
      async () => {
        await stream({ complete: true, exitcode: 0 });
        await uploadAddress('a');
      },
    ],
    [
      'a file that never came',
      /^upload: r: a is said/u,
      async () => {
        await uploadAddress('a');
        await stream({ uploaded: ['a'] });
      },
    ],
    ['bytes put anywhere', /^upload: bytes put to \/signed\/x/u, () => put(`${server.url}/signed/x`, 'a')],
    [
      'an upload with a key',
      /^auth: a signed upload with a key/u,
      async () => put(await uploadAddress('a'), 'a', keyOf(server)),
    ],
    [
      'an upload with a wrong digest',
      /^headers: r: a: Content-MD5/u,
      async () => put(await uploadAddress('a'), 'a', { 'content-md5': md5('b') }),
    ],
    [
      'requests at once',
      /^overlap: r: 1 requests are under way$/u,
      async () => {
        server.fault({ action: { kind: 'hang' } });
        const first = new AbortController();
        const hanging = fetch(`${server.url}/files/team/p/r/file_stream`, {
          method: 'POST',
          body: '{}',
          headers: keyOf(server),
          signal: first.signal,
        });
        await server.until(() => server.requests.at(-1)?.fault !== undefined);
        await stream({});
        first.abort();
        await expect(hanging).rejects.toThrow('aborted');
      },
    ],
    [
      'no patience',
      /^rate: .* before Retry-After was over$/u,
      async () => {
        server.fault({ action: { kind: 'status', status: 429, headers: { 'retry-after': '5' } } });
        await stream({});
        await stream({});
      },
    ],
  ])('notices %s', async (_what, expected, breach) => {
    await open();
    await breach();
    expect(server.violations).toEqual([expect.stringMatching(expected)]);
  });

  it('notices an artifact committed without its file, with a file that differs, or with another digest', async () => {
    await open();
    const contents = { 'a.txt': { digest: md5('bytes'), size: 5 } };
    const manifest = JSON.stringify({
      version: 1,
      storagePolicy: 'wandb-storage-policy-v1',
      storagePolicyConfig: { storageLayout: 'V2' },
      contents,
    });
    const created = await graphql('CreateArtifact', ARTIFACT, {
      input: {
        entityName: 'team',
        projectName: 'p',
        runName: 'r',
        artifactTypeName: 'report',
        artifactCollectionName: 'summary',
        digest: 'another',
        digestAlgorithm: 'MANIFEST_MD5',
      },
    });
    const artifactID = at(created, 'data', 'createArtifact', 'artifact', 'id');
    expect(at(await graphql('CommitArtifact', COMMIT, { artifactID }), 'errors', 0, 'message')).toBe(
      'committed without a manifest',
    );
    const answer = await graphql('CreateArtifactManifest', MANIFEST, {
      artifactID,
      digest: md5(manifest),
      includeUpload: true,
    });
    const address = String(at(answer, 'data', 'createArtifactManifest', 'artifactManifest', 'file', 'uploadUrl'));
    expect(at(answer, 'data', 'createArtifactManifest', 'artifactManifest', 'file', 'uploadHeaders')).toEqual([
      `Content-MD5:${md5(manifest)}`,
    ]);
    expect((await put(address, manifest)).status).toBe(403);
    expect((await put(address, manifest, { 'content-md5': md5(manifest) })).status).toBe(200);
    await graphql('CommitArtifact', COMMIT, { artifactID });
    expect(server.violations).toEqual([
      'artifact: summary: committed without a manifest',
      `headers: manifest of summary: put without the header Content-MD5:${md5(manifest)}`,
      'artifact: summary: its digest is not that of its manifest',
      'artifact: summary: a.txt never came',
    ]);
    expect(server.artifacts).toMatchObject([{ state: 'PENDING' }]);
  });

  it('fails to order: which request, from which on, how often', async () => {
    await open();
    const fault = server.fault({ nth: 2, times: 2, action: { kind: 'status', status: 500 } });
    const statuses: number[] = [];
    for (let sent = 0; sent < 5; sent += 1) statuses.push((await stream({})).status);
    expect(statuses).toEqual([200, 500, 500, 200, 200]);
    expect(fault.hits).toBe(2);
    server.fault({ match: { operation: 'UpsertBucket' }, action: { kind: 'status', status: 409, body: 'busy' } });
    expect((await stream({})).status).toBe(200);
    expect(server.requests.filter(({ status }) => status === 409)).toEqual([]);
    await expect(open()).rejects.toThrow('JSON');
    expect(server.requests.at(-1)).toMatchObject({ operation: 'UpsertBucket', status: 409 });
  });

  it('takes a request or does not, before it breaks the connection or says 500', async () => {
    await open();
    const lines = (): number => server.run('p', 'r')?.history.length ?? 0;
    server.fault({ action: { kind: 'reset-before' } });
    await expect(write(0, row(0))).rejects.toThrow('fetch failed');
    expect(lines()).toBe(0);
    server.fault({ action: { kind: 'reset-after' } });
    await expect(write(0, row(0))).rejects.toThrow('fetch failed');
    expect(lines()).toBe(1);
    server.fault({ action: { kind: 'status', status: 500 } });
    await write(1, row(1));
    expect(lines()).toBe(1);
    server.fault({ action: { kind: 'status', status: 500, taken: true } });
    await write(1, row(1));
    expect(lines()).toBe(2);
    server.fault({ action: { kind: 'delay', delayMs: 20 } });
    await write(2, row(2));
    expect(lines()).toBe(3);
    server.fault({ action: { kind: 'stop' } });
    expect(await (await write(3, row(3))).json()).toEqual({ stopped: true });
    expect(lines()).toBe(4);
    expect(server.violations).toEqual([]);
  });

  it('keeps what it holds while it is down', async () => {
    await open();
    await write(0, row(0));
    const { url } = server;
    await server.goDown();
    await expect(write(1, row(1))).rejects.toThrow('fetch failed');
    await server.comeBack();
    expect(server.url).toBe(url);
    await write(1, row(1));
    expect(server.run('p', 'r')?.rows).toMatchObject([{ _step: 0 }, { _step: 1 }]);
    expect(server.violations).toEqual([]);
  });

  it('limits the rate of a run, and says how long to wait', async () => {
    await open();
    server.setRateLimit({ requests: 2, perMs: 60_000 });
    await stream({});
    await stream({});
    const refused = await stream({});
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('60');
    server.setRateLimit(undefined);
  });

  it('counts a run as crashed when it is silent for too long', async () => {
    await server.close();
    server = await startWandbServer({ silenceLimitMs: -1 });
    await open();
    expect(server.run('p', 'r')?.state).toBe('crashed');
    await stream({ complete: true, exitcode: 3 });
    expect(server.run('p', 'r')?.state).toBe('failed');
  });

  it("reads W&B's words for numbers, and nothing else beyond JSON", () => {
    expect(parseWandbJson('{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN, \\" Infinity"}')).toEqual({
      a: Number.NaN,
      b: [-Infinity, Infinity],
      c: 'NaN, " Infinity',
    });
    expect(() => parseWandbJson('{"a":nan}')).toThrow(SyntaxError);
    expect(() => parseWandbJson("{'a':1}")).toThrow(SyntaxError);
  });
});

function keyOf(server: WandbServer): Readonly<Record<string, string>> {
  return { authorization: `Basic ${Buffer.from(`api:${server.apiKey}`).toString('base64')}` };
}

function longRow(bytes: number): string {
  const empty = JSON.stringify({ _step: 0, text: '' });
  return JSON.stringify({ _step: 0, text: 'x'.repeat(bytes - empty.length) });
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('base64');
}
