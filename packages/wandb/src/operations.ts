/** The GraphQL operations of W&B's own client that a run needs (core/api/graphql in github.com/wandb/wandb), and their answers. */

import { z } from 'zod';

export interface Operation<Data> {
  readonly name: string;
  readonly query: string;
  /** What must be in the answer. */
  readonly data: z.ZodType<Data>;
}

const named = z.object({ name: z.string() });
const nullableText = z.string().nullish();

export interface ViewerData {
  readonly viewer?:
    { readonly entity?: string | null | undefined; readonly username?: string | null | undefined } | null | undefined;
}

export const VIEWER: Operation<ViewerData> = {
  name: 'Viewer',
  query: 'query Viewer { viewer { id entity username } }',
  data: z.object({ viewer: z.object({ entity: nullableText, username: nullableText }).nullish() }),
};

/** A run as the server has it. */
export interface ServerRunStatus {
  readonly id: string;
  readonly summaryMetrics?: string | null | undefined;
  readonly historyLineCount?: number | null | undefined;
  readonly eventsLineCount?: number | null | undefined;
  /** JSON list of lines that are JSON themselves. */
  readonly historyTail?: string | null | undefined;
  readonly config?: string | null | undefined;
  readonly tags?: readonly string[] | null | undefined;
}

export interface RunStatusData {
  readonly model?: { readonly bucket?: ServerRunStatus | null | undefined } | null | undefined;
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
    model: z
      .object({
        bucket: z
          .object({
            id: z.string(),
            summaryMetrics: nullableText,
            historyLineCount: z.number().nullish(),
            eventsLineCount: z.number().nullish(),
            historyTail: nullableText,
            config: nullableText,
            tags: z.array(z.string()).nullish(),
          })
          .nullish(),
      })
      .nullish(),
  }),
};

export interface UpsertData {
  readonly upsertBucket: {
    readonly bucket: {
      readonly id: string;
      readonly project?: { readonly name: string; readonly entity: { readonly name: string } } | null | undefined;
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
      bucket: z.object({ id: z.string(), project: z.object({ name: z.string(), entity: named }).nullish() }),
    }),
  }),
};

export interface AlertData {
  readonly notifyScriptableRunAlert?: { readonly success?: boolean | null | undefined } | null | undefined;
}

export const NOTIFY_ALERT: Operation<AlertData> = {
  name: 'NotifyScriptableRunAlert',
  query: `mutation NotifyScriptableRunAlert($entityName: String!, $projectName: String!, $runName: String!, $title: String!,
  $text: String!, $severity: AlertSeverity = INFO, $waitDuration: Duration) {
  notifyScriptableRunAlert(input: { entityName: $entityName, projectName: $projectName, runName: $runName, title: $title,
    text: $text, severity: $severity, waitDuration: $waitDuration }) { success }
}`,
  data: z.object({ notifyScriptableRunAlert: z.object({ success: z.boolean().nullish() }).nullish() }),
};

/** Addresses that take a file's bytes. */
export interface RunFilesData {
  readonly createRunFiles: {
    readonly uploadHeaders?: readonly string[] | null | undefined;
    readonly files: readonly { readonly name: string; readonly uploadUrl?: string | null | undefined }[];
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
      uploadHeaders: z.array(z.string()).nullish(),
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
        readonly uploadUrl?: string | null | undefined;
        readonly uploadHeaders?: readonly string[] | null | undefined;
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
        file: z.object({ uploadUrl: nullableText, uploadHeaders: z.array(z.string()).nullish() }),
      }),
    }),
  }),
};

export interface ArtifactFilesData {
  readonly createArtifactFiles: {
    readonly files: {
      readonly edges: readonly {
        readonly node?: {
          readonly uploadUrl?: string | null | undefined;
          readonly uploadHeaders?: readonly string[] | null | undefined;
        } | null;
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
            node: z.object({ uploadUrl: nullableText, uploadHeaders: z.array(z.string()).nullish() }).nullable(),
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
