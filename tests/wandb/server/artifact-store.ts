// Artifacts as W&B's server holds them: versions of a name, each with a manifest that lists its files by digest, committed once
// all of them are there.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RunState, ServerArtifact } from './run-state.ts';
import { md5Base64, type SignedUploads, type Ticket } from './signed-uploads.ts';
import type { Violations } from './violation.ts';
import { parseJson } from './wandb-json.ts';

/** What CreateArtifact says of a version. */
export interface ArtifactInput {
  readonly entityName: string;
  readonly projectName: string;
  readonly runName?: string | null | undefined;
  readonly artifactTypeName: string;
  readonly artifactCollectionName: string;
  readonly aliases?: readonly { readonly artifactCollectionName: string; readonly alias: string }[] | null | undefined;
  readonly digest: string;
  readonly enableDigestDeduplication?: boolean | null | undefined;
  readonly description?: string | null | undefined;
  /** JSON. */
  readonly metadata?: string | null | undefined;
}

export const artifactInput: z.ZodType<ArtifactInput> = z.object({
  entityName: z.string(),
  projectName: z.string(),
  runName: z.string().nullish(),
  artifactTypeName: z.string(),
  artifactCollectionName: z.string(),
  aliases: z.array(z.object({ artifactCollectionName: z.string(), alias: z.string() })).nullish(),
  digest: z.string(),
  enableDigestDeduplication: z.boolean().nullish(),
  description: z.string().nullish(),
  metadata: z.string().nullish(),
});

/** What CreateArtifactFiles says of a file. */
export interface ArtifactFileInput {
  readonly artifactID: string;
  readonly artifactManifestID?: string | null | undefined;
  readonly name: string;
  readonly md5: string;
}

export const artifactFileInput: z.ZodType<ArtifactFileInput> = z.object({
  artifactID: z.string(),
  artifactManifestID: z.string().nullish(),
  name: z.string(),
  md5: z.string(),
});

/** wandb_manifest.json. */
const manifestFile = z.strictObject({
  version: z.literal(1),
  storagePolicy: z.literal('wandb-storage-policy-v1'),
  storagePolicyConfig: z.object({ storageLayout: z.literal('V2') }),
  contents: z.record(
    z.string(),
    z.object({
      digest: z.string(),
      size: z.int().nonnegative().optional(),
      ref: z.string().optional(),
      birthArtifactID: z.string().optional(),
    }),
  ),
});

/** Begins what the digest of a manifest is made of, in the official client. */
const DIGEST_PREFIX = 'wandb-artifact-manifest-v1\n';

class ArtifactVersion implements ServerArtifact {
  readonly id: string;
  readonly manifestId: string;
  readonly key: string;
  readonly name: string;
  readonly type: string;
  readonly digest: string;
  readonly description: string | undefined;
  readonly metadata: unknown;
  readonly runId: string | undefined;
  readonly files: Map<string, Uint8Array> = new Map();
  state: 'PENDING' | 'COMMITTED' = 'PENDING';
  version: number | undefined;
  aliases: readonly string[];
  manifestBytes: Uint8Array | undefined;

  constructor(number: number, input: ArtifactInput) {
    this.id = Buffer.from(`Artifact:${number}`).toString('base64');
    this.manifestId = Buffer.from(`ArtifactManifest:${number}`).toString('base64');
    this.key = collectionKey(input);
    this.name = input.artifactCollectionName;
    this.type = input.artifactTypeName;
    this.digest = input.digest;
    this.description = input.description ?? undefined;
    this.metadata = input.metadata === undefined || input.metadata === null ? undefined : JSON.parse(input.metadata);
    this.runId = input.runName ?? undefined;
    this.aliases = aliasesOf(input);
  }
}
export type { ArtifactVersion };

export class ArtifactStore {
  readonly #versions: ArtifactVersion[] = [];
  readonly #uploads: SignedUploads;
  readonly #violations: Violations;

  constructor(uploads: SignedUploads, violations: Violations) {
    this.#uploads = uploads;
    this.#violations = violations;
  }

  /** Every version, in the order of their making. */
  get versions(): readonly ArtifactVersion[] {
    return this.#versions;
  }

  /** The committed version of the same content where deduplication is asked for; else a new one. */
  create(input: ArtifactInput, run: RunState | undefined): ArtifactVersion {
    const key = collectionKey(input);
    const [other] = this.#versions.filter(({ key: known }) => known === key);
    if (other !== undefined && other.type !== input.artifactTypeName)
      throw new Error(`artifact ${input.artifactCollectionName} is of type ${other.type}`);
    const same = this.#versions.find(
      (version) => version.key === key && version.state === 'COMMITTED' && version.digest === input.digest,
    );
    if (same !== undefined && input.enableDigestDeduplication === true) {
      this.#giveAliases(same, [...same.aliases, ...aliasesOf(input)]);
      run?.artifacts.push(same);
      return same;
    }
    const created = new ArtifactVersion(this.#versions.length + 1, input);
    this.#versions.push(created);
    run?.artifacts.push(created);
    return created;
  }

  find(id: string): ArtifactVersion {
    const found = this.#versions.find((version) => version.id === id);
    if (found === undefined) throw new Error(`no artifact ${id}`);
    return found;
  }

  /** The newest committed version of a name. */
  latest({ key }: ArtifactVersion): ArtifactVersion | undefined {
    return this.#versions.findLast((version) => version.key === key && version.state === 'COMMITTED');
  }

  /** The version that an alias or `v<number>` names. */
  named(entity: string, project: string, name: string): ArtifactVersion | undefined {
    const [collection, alias = 'latest'] = name.split(':');
    return this.#versions.find(
      (version) =>
        version.key === `${entity}/${project}/${collection ?? ''}` &&
        version.state === 'COMMITTED' &&
        (version.aliases.includes(alias) || `v${version.version}` === alias),
    );
  }

  manifestTicket(version: ArtifactVersion, md5: string): Ticket {
    return this.#uploads.issue(`manifest of ${version.name}`, [`Content-MD5:${md5}`], (bytes) => {
      this.#expectPending(version, 'its manifest');
      version.manifestBytes = bytes;
    });
  }

  fileTicket(input: ArtifactFileInput): Ticket {
    const version = this.find(input.artifactID);
    if (input.artifactManifestID !== version.manifestId)
      this.#violations.report('artifact', `${version.name}: ${input.name} is of another manifest`);
    return this.#uploads.issue(`${version.name}: ${input.name}`, [`Content-MD5:${input.md5}`], (bytes) => {
      this.#expectPending(version, input.name);
      version.files.set(input.name, bytes);
    });
  }

  /** Throws where the version is not whole. */
  commit(version: ArtifactVersion): void {
    const problems = this.#manifestProblems(version);
    for (const problem of problems) this.#violations.report('artifact', `${version.name}: ${problem}`);
    if (problems.length > 0) throw new Error(problems.join('; '));
    if (version.state === 'COMMITTED') return;
    version.version = this.#versions.filter(({ key, state }) => key === version.key && state === 'COMMITTED').length;
    version.state = 'COMMITTED';
    this.#giveAliases(version, version.aliases);
  }

  #expectPending(version: ArtifactVersion, what: string): void {
    if (version.state === 'COMMITTED')
      this.#violations.report('artifact', `${version.name}: ${what} came after it was committed`);
  }

  #manifestProblems(version: ArtifactVersion): readonly string[] {
    if (version.manifestBytes === undefined) return ['committed without a manifest'];
    const parsed = manifestFile.safeParse(parseJson(Buffer.from(version.manifestBytes).toString('utf8')));
    if (!parsed.success) return [`its manifest: ${z.prettifyError(parsed.error)}`];
    const entries = Object.entries(parsed.data.contents);
    const digest = createHash('md5').update(DIGEST_PREFIX);
    for (const [name, entry] of entries.toSorted(([left], [right]) => (left < right ? -1 : 1)))
      digest.update(`${name}:${entry.digest}\n`);
    const listed = new Set(entries.map(([name]) => name));
    return [
      ...(digest.digest('hex') === version.digest ? [] : ['its digest is not that of its manifest']),
      ...entries.flatMap(([name, entry]) => {
        if (entry.ref !== undefined) return [];
        // A file of an earlier version is not sent again; its manifest says which version that is.
        const birth = this.#versions.find(({ id, key }) => id === entry.birthArtifactID && key === version.key);
        const bytes = version.files.get(name) ?? birth?.files.get(name);
        if (bytes === undefined) return [`${name} never came`];
        if (entry.digest !== md5Base64(bytes)) return [`${name} has another digest than its manifest says`];
        return entry.size === bytes.length
          ? []
          : [`${name} has ${bytes.length} bytes, its manifest says ${entry.size}`];
      }),
      ...[...version.files.keys()].filter((name) => !listed.has(name)).map((name) => `${name} is not in its manifest`),
    ];
  }

  /** An alias is held by one version of a name. */
  #giveAliases(to: ArtifactVersion, aliases: readonly string[]): void {
    for (const version of this.#versions)
      if (version !== to && version.key === to.key && version.state === 'COMMITTED')
        version.aliases = version.aliases.filter((alias) => !aliases.includes(alias));
    to.aliases = [...new Set(aliases)];
  }
}

function collectionKey({ entityName, projectName, artifactCollectionName }: ArtifactInput): string {
  return `${entityName}/${projectName}/${artifactCollectionName}`;
}

function aliasesOf({ aliases, artifactCollectionName }: ArtifactInput): readonly string[] {
  return (aliases ?? []).flatMap((given) =>
    given.artifactCollectionName === artifactCollectionName ? [given.alias] : [],
  );
}
