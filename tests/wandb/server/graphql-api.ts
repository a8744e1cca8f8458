// W&B's GraphQL API, as far as official clients use it: queries are validated against its schema and executed on the server's
// state. An operation that no official client sends, or that does not fit the schema, is a violation.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { buildSchema, execute, getOperationAST, parse, validate, type GraphQLError } from 'graphql';
import { z } from 'zod';
import { artifactFileInput, artifactInput, type ArtifactStore, type ArtifactVersion } from './artifact-store.ts';
import type { RunState } from './run-state.ts';
import { isGiven, type RunStore } from './run-store.ts';
import type { SignedUploads, Ticket } from './signed-uploads.ts';
import type { Violations } from './violation.ts';
import { isRow, parseRow, type JsonRow } from './wandb-json.ts';

const OPERATIONS = new Set([
  'Viewer',
  'UpsertBucket',
  'RunResumeStatus',
  'RunStoppedStatus',
  'ServerFeaturesQuery',
  'OrganizationCoreWeaveOrganizationID',
  'CreateRunFiles',
  'CreateArtifact',
  'CreateArtifactManifest',
  'CreateArtifactFiles',
  'CommitArtifact',
  'ArtifactType',
  'NotifyScriptableRunAlert',
]);

/** Lines at the end of a file that RunResumeStatus tells. */
const TAIL_LINES = 2;

const schema = buildSchema(readFileSync(path.join(import.meta.dirname, 'schema.graphql'), 'utf8'));

const request = z.strictObject({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
});

const text = z.string().nullish();
const upsertInput = z.object({
  id: text,
  name: text,
  modelName: text,
  entityName: text,
  groupName: text,
  displayName: text,
  notes: text,
  config: text,
  host: text,
  commit: text,
  jobType: text,
  tags: z.array(z.string()).nullish(),
});
const runPlace = z.object({ entityName: z.string(), projectName: z.string(), runName: z.string() });
const runFilesInput = runPlace.extend({ files: z.array(z.string()) });
const alertInput = runPlace.extend({
  title: z.string(),
  text: z.string(),
  severity: z.string().default('INFO'),
  waitDuration: z.unknown(),
});
const manifestInput = z.object({ artifactID: z.string(), digest: z.string(), runName: z.string() });
const filesInput = z.object({ artifactFiles: z.array(artifactFileInput), storageLayout: z.literal('V2') });
const commitInput = z.object({ artifactID: z.string() });
const projectArguments = z.object({ name: text, entityName: text });
const named = z.object({ name: z.string() });
const wandbConfigArguments = z.object({ keys: z.array(z.string()).nullish() });

export interface GraphqlAnswer {
  readonly status: number;
  readonly body: string;
}

export interface GraphqlState {
  readonly url: () => string;
  readonly runs: RunStore;
  readonly artifacts: ArtifactStore;
  readonly uploads: SignedUploads;
  readonly violations: Violations;
}

/** The operation that a request names, or the one that its query is; undefined where it is no GraphQL request. */
export function operationOf(body: unknown): string | undefined {
  const given = request.safeParse(body).data;
  if (isGiven(given?.operationName)) return given.operationName;
  // The public API of the Python client names operations in the query only.
  return /^\s*(?:query|mutation)\s+(\w+)/u.exec(given?.query ?? '')?.[1];
}

export class GraphqlApi {
  readonly #state: GraphqlState;

  constructor(state: GraphqlState) {
    this.#state = state;
  }

  async answer(body: unknown): Promise<GraphqlAnswer> {
    const { violations } = this.#state;
    const parsed = request.safeParse(body);
    if (!parsed.success) {
      violations.report('query', z.prettifyError(parsed.error));
      return failure(400, 'not a GraphQL request');
    }
    const { query, variables } = parsed.data;
    const name = operationOf(body) ?? '';
    if (!OPERATIONS.has(name)) {
      violations.report('operation', `no official client sends ${name === '' ? 'a query without a name' : name}`);
      return failure(400, `unknown operation ${name}`);
    }
    try {
      const document = parse(query);
      const invalid = validate(schema, document);
      const declared = getOperationAST(document, name)?.variableDefinitions?.map(({ variable }) => variable.name.value);
      const foreign = Object.keys(variables ?? {}).filter((variable) => declared?.includes(variable) !== true);
      for (const variable of foreign) violations.report('variables', `${name} declares no $${variable}`);
      if (invalid.length > 0) return this.#refuse('query', name, invalid);
      const result = await execute({
        schema,
        document,
        operationName: name,
        variableValues: variables ?? {},
        rootValue: this.#root(),
      });
      // What a resolver threw has a path; variables that do not fit have none.
      const unfit = result.errors?.filter((error) => error.path === undefined) ?? [];
      if (unfit.length > 0) return this.#refuse('variables', name, unfit);
      return { status: 200, body: JSON.stringify(result) };
    } catch (error) {
      violations.report('query', `${name}: ${String(error)}`);
      return failure(400, String(error));
    }
  }

  #refuse(kind: 'query' | 'variables', name: string, errors: readonly GraphQLError[]): GraphqlAnswer {
    const messages = errors.map(({ message }) => message).join('; ');
    this.#state.violations.report(kind, `${name}: ${messages}`);
    return failure(400, messages);
  }

  #root(): object {
    const { runs, artifacts } = this.#state;
    return {
      viewer: () => ({
        id: Buffer.from('User:1').toString('base64'),
        entity: runs.defaultEntity,
        username: runs.defaultEntity,
        email: `${runs.defaultEntity}@example.com`,
        flags: '{}',
        teams: { edges: [{ node: { id: runs.defaultEntity, name: runs.defaultEntity } }] },
      }),
      entity: (given: unknown) => {
        const { name } = named.parse(given);
        return { id: name, name, organization: { coreWeaveOrganizationId: null } };
      },
      serverInfo: () => ({ features: [] }),
      project: (given: unknown) => this.#project(given),
      model: (given: unknown) => this.#project(given),
      upsertBucket: mutation(upsertInput, (input) => this.#upsert(input)),
      createRunFiles: mutation(runFilesInput, (input) => this.#createRunFiles(input)),
      createArtifact: mutation(artifactInput, (given) => {
        const { runName, projectName } = given;
        const entityName = isGiven(given.entityName) ? given.entityName : runs.defaultEntity;
        const input = { ...given, entityName };
        const run = isGiven(runName) ? this.#openRun({ entityName, projectName, runName }, 'an artifact') : undefined;
        return { artifact: this.#artifactView(artifacts.create(input, run)) };
      }),
      createArtifactManifest: mutation(manifestInput, ({ artifactID, digest }) => {
        const version = artifacts.find(artifactID);
        const ticket = artifacts.manifestTicket(version, digest);
        const file = this.#fileView('wandb_manifest.json', version, ticket);
        return { artifactManifest: { id: version.manifestId, file } };
      }),
      createArtifactFiles: mutation(filesInput, ({ artifactFiles }) => ({
        files: {
          edges: artifactFiles.map((file) => ({
            node: this.#fileView(file.name, artifacts.find(file.artifactID), artifacts.fileTicket(file)),
          })),
        },
      })),
      commitArtifact: mutation(commitInput, ({ artifactID }) => {
        const version = artifacts.find(artifactID);
        artifacts.commit(version);
        return { artifact: this.#artifactView(version) };
      }),
      notifyScriptableRunAlert: mutation(alertInput, ({ title, text: message, severity, waitDuration, ...place }) => {
        this.#openRun(place, 'an alert')?.alerts.push({ title, text: message, severity, waitDuration });
        return { success: true };
      }),
    };
  }

  #upsert(input: z.infer<typeof upsertInput>): object {
    const { runs, violations } = this.#state;
    const { run, inserted } = runs.open(input);
    const config = isGiven(input.config) ? parseRow(input.config) : undefined;
    if (isGiven(input.config) && config === undefined) throw new Error('config is no JSON object');
    for (const [key, item] of Object.entries(config ?? {}))
      if (!isRow(item) || !('value' in item))
        violations.report('config', `${run.id}: ${key} is not wrapped as {"value": …}`);
    run.heard();
    run.upserts += 1;
    run.complete = false;
    run.exitCode = undefined;
    run.config = config ?? run.config;
    run.displayName = input.displayName ?? run.displayName;
    run.group = input.groupName ?? run.group;
    run.jobType = input.jobType ?? run.jobType;
    run.notes = input.notes ?? run.notes;
    run.host = input.host ?? run.host;
    run.commit = input.commit ?? run.commit;
    run.tags = input.tags ?? run.tags;
    return { inserted, bucket: this.#runView(run) };
  }

  #createRunFiles({ files, ...place }: z.infer<typeof runFilesInput>): object {
    const run = this.#openRun(place, 'files');
    if (run === undefined) throw new Error(`no run ${place.runName}`);
    return {
      runID: run.storageId,
      uploadHeaders: [],
      files: files.map((name) => {
        const ticket = this.#state.uploads.issue(`${run.id}: ${name}`, [], (bytes) => run.files.set(name, bytes));
        return { name, uploadUrl: this.#state.url() + ticket.path };
      }),
    };
  }

  /** Undefined, and a violation, where there is no such run; a violation, too, where it has ended. */
  #openRun(place: z.infer<typeof runPlace>, what: string): RunState | undefined {
    const { runs, violations } = this.#state;
    const run = runs.find(place.entityName, place.projectName, place.runName);
    if (run === undefined)
      violations.report('unknown-run', `${what} for ${place.entityName}/${place.projectName}/${place.runName}`);
    if (run?.complete === true) violations.report('after-complete', `${run.id}: ${what}`);
    return run;
  }

  #project(given: unknown): object | null {
    const { runs, artifacts } = this.#state;
    const { name, entityName } = projectArguments.parse(given);
    const entity = isGiven(entityName) ? entityName : runs.defaultEntity;
    const project = isGiven(name) ? name : runs.defaultProject;
    if (!runs.hasProject(entity, project)) return null;
    const find = (nameOfRun: unknown): object | null => {
      const run = runs.find(entity, project, named.parse(nameOfRun).name);
      return run === undefined ? null : this.#runView(run);
    };
    return {
      ...projectView(entity, project),
      bucket: find,
      run: find,
      artifact: (nameOfArtifact: unknown) => {
        const version = artifacts.named(entity, project, named.parse(nameOfArtifact).name);
        return version === undefined ? null : this.#artifactView(version);
      },
    };
  }

  #runView(run: RunState): object {
    return {
      id: run.storageId,
      name: run.id,
      displayName: run.displayName,
      description: null,
      config: JSON.stringify(run.config),
      summaryMetrics: run.summaryText ?? '{}',
      wandbConfig: (given: unknown) => JSON.stringify(wandbConfig(run.config, wandbConfigArguments.parse(given).keys)),
      sweepName: null,
      project: projectView(run.entity, run.project),
      historyLineCount: run.history.length,
      eventsLineCount: run.events.length,
      logLineCount: run.output.length,
      historyTail: JSON.stringify(run.history.slice(-TAIL_LINES)),
      eventsTail: JSON.stringify(run.events.slice(-TAIL_LINES)),
      tags: run.tags,
      notes: run.notes ?? null,
      state: run.state,
      stopped: false,
    };
  }

  #artifactView(version: ArtifactVersion): object {
    return {
      id: version.id,
      digest: version.digest,
      state: version.state,
      artifactType: { name: version.type },
      artifactSequence: {
        latestArtifact: () => {
          const latest = this.#state.artifacts.latest(version);
          return latest === undefined ? null : this.#artifactView(latest);
        },
      },
    };
  }

  #fileView(name: string, version: ArtifactVersion, ticket: Ticket): object {
    return {
      id: Buffer.from(`File:${ticket.path}`).toString('base64'),
      name,
      storagePath: `wandb_artifacts/${version.id}/${name}`,
      uploadUrl: this.#state.url() + ticket.path,
      uploadHeaders: ticket.headers,
      uploadMultipartUrls: null,
      artifact: this.#artifactView(version),
    };
  }
}

function mutation<Schema extends z.ZodType>(
  input: Schema,
  run: (input: z.infer<Schema>) => object,
): (given: { readonly input: unknown }) => object {
  return (given) => run(input.parse(given.input));
}

function projectView(entity: string, project: string): object {
  return {
    id: Buffer.from(`Project:v1:${project}:${entity}`).toString('base64'),
    name: project,
    entity: { id: entity, name: entity, organization: null },
  };
}

/** Some members of the client's own part of the config. */
function wandbConfig(config: JsonRow, keys: readonly string[] | null | undefined): JsonRow {
  const own = config['_wandb'];
  const value = isRow(own) ? own['value'] : undefined;
  if (!isRow(value)) return {};
  return Object.fromEntries(Object.entries(value).filter(([key]) => keys?.includes(key) !== false));
}

function failure(status: number, message: string): GraphqlAnswer {
  return { status, body: JSON.stringify({ errors: [{ message }] }) };
}
