/** The GraphQL operations of W&B's own client that a run needs (core/api/graphql in github.com/wandb/wandb), and their answers. */

import { z } from 'zod';

export interface Operation<Data> {
  readonly name: string;
  readonly query: string;
  /** What must be in the answer. */
  readonly data: z.ZodType<Data>;
}

const named = z.object({ name: z.string() });
/** What is null in an answer is as what is not there. */
function optional<Value>(schema: z.ZodType<Value>): z.ZodType<Value | undefined> {
  return schema.nullish().transform((value) => value ?? undefined);
}

const nullableText = optional(z.string());
const texts = optional(z.array(z.string()));

export interface ViewerData {
  readonly viewer?: { readonly entity?: string | undefined; readonly username?: string | undefined } | undefined;
}

export const VIEWER: Operation<ViewerData> = {
  name: 'Viewer',
  query: 'query Viewer { viewer { id entity username } }',
  data: z.object({ viewer: optional(z.object({ entity: nullableText, username: nullableText })) }),
};

/** A run as the server has it. */
export interface ServerRunStatus {
  readonly id: string;
  readonly summaryMetrics?: string | undefined;
  readonly historyLineCount?: number | undefined;
  readonly eventsLineCount?: number | undefined;
  /** JSON list of lines that are JSON themselves. */
  readonly historyTail?: string | undefined;
  readonly config?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

export interface RunStatusData {
  readonly model?: { readonly bucket?: ServerRunStatus | undefined } | undefined;
}

export const RUN_RESUME_STATUS: Operation<RunStatusData> = {
  name: 'RunResumeStatus',
  query: `query RunResumeStatus($project: String, $entity: String, $name: String!) {
  model(name: $project, entityName: $entity) {
    id name entity { id name }
    bucket(name: $name, missingOk: true) {
      id name summaryMetrics displayName logLineCount historyLineCount eventsLineCount historyTail eventsTail config tags notes
      wandbConfig(keys: ["t"])
    }
  }
}`,
  data: z.object({
    model: optional(
      z.object({
        bucket: optional(
          z.object({
            id: z.string(),
            summaryMetrics: nullableText,
            historyLineCount: optional(z.number()),
            eventsLineCount: optional(z.number()),
            historyTail: nullableText,
            config: nullableText,
            tags: texts,
          }),
        ),
      }),
    ),
  }),
};

export interface UpsertData {
  readonly upsertBucket: {
    readonly bucket: {
      readonly id: string;
      readonly project?: { readonly name: string; readonly entity: { readonly name: string } } | undefined;
    };
  };
}

export const UPSERT_BUCKET: Operation<UpsertData> = {
  name: 'UpsertBucket',
  query: `mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $groupName: String,
  $description: String, $displayName: String, $notes: String, $commit: String, $config: JSONString, $host: String,
  $debug: Boolean, $program: String, $repo: String, $jobType: String, $state: String, $sweep: String, $tags: [String!],
  $summaryMetrics: JSONString) {
  upsertBucket(input: { id: $id, name: $name, groupName: $groupName, modelName: $project, entityName: $entity,
    description: $description, displayName: $displayName, notes: $notes, config: $config, commit: $commit, host: $host,
    debug: $debug, jobProgram: $program, jobRepo: $repo, jobType: $jobType, state: $state, sweep: $sweep, tags: $tags,
    summaryMetrics: $summaryMetrics }) {
    bucket { id name displayName project { id name entity { id name } } historyLineCount }
    inserted
  }
}`,
  data: z.object({
    upsertBucket: z.object({
      bucket: z.object({ id: z.string(), project: optional(z.object({ name: z.string(), entity: named })) }),
    }),
  }),
};

export interface AlertData {
  readonly notifyScriptableRunAlert?: { readonly success?: boolean | undefined } | undefined;
}

export const NOTIFY_ALERT: Operation<AlertData> = {
  name: 'NotifyScriptableRunAlert',
  query: `mutation NotifyScriptableRunAlert($entityName: String!, $projectName: String!, $runName: String!, $title: String!,
  $text: String!, $severity: AlertSeverity = INFO, $waitDuration: Duration) {
  notifyScriptableRunAlert(input: { entityName: $entityName, projectName: $projectName, runName: $runName, title: $title,
    text: $text, severity: $severity, waitDuration: $waitDuration }) { success }
}`,
  data: z.object({ notifyScriptableRunAlert: optional(z.object({ success: optional(z.boolean()) })) }),
};

/** Addresses that take a file's bytes. */
export interface RunFilesData {
  readonly createRunFiles: {
    readonly uploadHeaders?: readonly string[] | undefined;
    readonly files: readonly { readonly name: string; readonly uploadUrl?: string | undefined }[];
  };
}

export const CREATE_RUN_FILES: Operation<RunFilesData> = {
  name: 'CreateRunFiles',
  query: `mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: { entityName: $entity, projectName: $project, runName: $run, files: $files }) {
    runID uploadHeaders files { name uploadUrl }
  }
}`,
  data: z.object({
    createRunFiles: z.object({
      uploadHeaders: texts,
      files: z.array(z.object({ name: z.string(), uploadUrl: nullableText })),
    }),
  }),
};

export interface CreateArtifactData {
  readonly createArtifact: { readonly artifact: { readonly id: string; readonly state: string } };
}

export const CREATE_ARTIFACT: Operation<CreateArtifactData> = {
  name: 'CreateArtifact',
  query: `mutation CreateArtifact($input: CreateArtifactInput!) {
  createArtifact(input: $input) { artifact { id state artifactSequence { latestArtifact { id } } } }
}`,
  data: z.object({ createArtifact: z.object({ artifact: z.object({ id: z.string(), state: z.string() }) }) }),
};

export interface ArtifactManifestData {
  readonly createArtifactManifest: {
    readonly artifactManifest: {
      readonly id: string;
      readonly file: {
        readonly uploadUrl?: string | undefined;
        readonly uploadHeaders?: readonly string[] | undefined;
      };
    };
  };
}

export const CREATE_ARTIFACT_MANIFEST: Operation<ArtifactManifestData> = {
  name: 'CreateArtifactManifest',
  query: `mutation CreateArtifactManifest($artifactID: ID!, $baseArtifactID: ID, $name: String!, $digest: String!,
  $entityName: String!, $projectName: String!, $runName: String!, $manifestType: ArtifactManifestType!,
  $includeUpload: Boolean!) {
  createArtifactManifest(input: { artifactID: $artifactID, baseArtifactID: $baseArtifactID, name: $name, digest: $digest,
    entityName: $entityName, projectName: $projectName, runName: $runName, type: $manifestType }) {
    artifactManifest {
      id
      file { id uploadUrl @include(if: $includeUpload) uploadHeaders @include(if: $includeUpload) }
    }
  }
}`,
  data: z.object({
    createArtifactManifest: z.object({
      artifactManifest: z.object({
        id: z.string(),
        file: z.object({ uploadUrl: nullableText, uploadHeaders: texts }),
      }),
    }),
  }),
};

export interface ArtifactFilesData {
  readonly createArtifactFiles: {
    readonly files: {
      readonly edges: readonly {
        readonly node?:
          | {
              readonly uploadUrl?: string | undefined;
              readonly uploadHeaders?: readonly string[] | undefined;
            }
          | undefined;
      }[];
    };
  };
}

export const CREATE_ARTIFACT_FILES: Operation<ArtifactFilesData> = {
  name: 'CreateArtifactFiles',
  query: `mutation CreateArtifactFiles($artifactFiles: [CreateArtifactFileSpecInput!]!, $storageLayout: ArtifactStorageLayout!) {
  createArtifactFiles(input: { artifactFiles: $artifactFiles, storageLayout: $storageLayout }) {
    files { edges { node { storagePath uploadUrl uploadHeaders artifact { id } } } }
  }
}`,
  data: z.object({
    createArtifactFiles: z.object({
      files: z.object({
        edges: z.array(
          z.object({
            node: optional(z.object({ uploadUrl: nullableText, uploadHeaders: texts })),
          }),
        ),
      }),
    }),
  }),
};

export interface CommitArtifactData {
  readonly commitArtifact: { readonly artifact: { readonly id: string } };
}

export const COMMIT_ARTIFACT: Operation<CommitArtifactData> = {
  name: 'CommitArtifact',
  query:
    'mutation CommitArtifact($artifactID: ID!) { commitArtifact(input: { artifactID: $artifactID }) { artifact { id digest } } }',
  data: z.object({ commitArtifact: z.object({ artifact: z.object({ id: z.string() }) }) }),
};
