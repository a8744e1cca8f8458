// All runs of the server, by entity, project and id.
import { RunState } from './run-state.ts';

/** What UpsertBucket says of where a run is. */
interface RunAddress {
  /** Storage id of a run that exists. */
  readonly id?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly modelName?: string | null | undefined;
  readonly entityName?: string | null | undefined;
}

export class RunStore {
  readonly defaultEntity: string;
  readonly defaultProject = 'uncategorized';
  readonly #runs: RunState[] = [];
  readonly #silenceLimitMs: number;

  constructor(defaultEntity: string, silenceLimitMs: number) {
    this.defaultEntity = defaultEntity;
    this.#silenceLimitMs = silenceLimitMs;
  }

  get all(): readonly RunState[] {
    return this.#runs;
  }

  /** A blank entity is the default one. */
  find(entity: string, project: string, id: string): RunState | undefined {
    const owner = isGiven(entity) ? entity : this.defaultEntity;
    return this.#runs.find((run) => run.entity === owner && run.project === project && run.id === id);
  }

  hasProject(entity: string, project: string): boolean {
    return this.#runs.some((run) => run.entity === entity && run.project === project);
  }

  /** The run at an address, made where there is none. Throws where the address is that of no run and names none. */
  open({ id, name, modelName, entityName }: RunAddress): { readonly run: RunState; readonly inserted: boolean } {
    if (isGiven(id)) {
      const run = this.#runs.find(({ storageId }) => storageId === id);
      if (run === undefined) throw new Error(`no run with the storage id ${id}`);
      if (isGiven(name) && name !== run.id) throw new Error(`the storage id of ${run.id}, not of ${name}`);
      return { run, inserted: false };
    }
    if (!isGiven(name)) throw new Error('a run without a name');
    const entity = isGiven(entityName) ? entityName : this.defaultEntity;
    const project = isGiven(modelName) ? modelName : this.defaultProject;
    if (/[/\\#?%:]/u.test(project)) throw new Error(`invalid project name ${project}`);
    const known = this.find(entity, project, name);
    if (known !== undefined) return { run: known, inserted: false };
    const created = new RunState({ entity, project, id: name }, this.#silenceLimitMs);
    this.#runs.push(created);
    return { run: created, inserted: true };
  }
}

/** Blank counts as not given. */
export function isGiven(text: string | null | undefined): text is string {
  return text !== undefined && text !== null && text !== '';
}
