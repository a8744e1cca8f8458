/**
 * The contract every sink keeps, as a suite that its author runs under vitest or node:test. It stands for delivery: it opens,
 * writes, crashes and comes back, and asks the backend what it holds. What it checks follows from the sink's traits, and what they
 * exclude is no test of the suite. A fact that could be checked but for a hook that is missing is skipped, with the reason.
 */

import { CONTRACT_FACTS } from './contract-facts.ts';
import { openContractSession } from './contract-session.ts';
import type { SinkContract } from './sink-contract.ts';

/** A test as the runner is given it; `skip` is the runner's own, and is told the reason. */
export type TestBody = (context: { readonly skip: (reason: string) => unknown }) => Promise<void>;

/** The two functions of a test runner that the suite needs; those of vitest and of node:test fit. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: TestBody) => unknown;
}

/** One fact about a sink. */
export interface ContractCase {
  readonly name: string;
  /** Why it cannot be checked of this sink: a hook is missing; undefined where it can. */
  readonly skipped: string | undefined;
  /** Rejects where the fact does not hold. */
  readonly run: () => Promise<void>;
}

/** Registers the suite: `describeSinkContract({ describe, it, name: 'jsonl', … })`. */
export function describeSinkContract<Backend>(contract: SinkContract<Backend> & TestRunner): void {
  contract.describe(`${contract.name} keeps the sink contract`, () => {
    for (const { name, skipped, run } of sinkContractCases(contract)) {
      contract.it(name, async (context) => {
        if (skipped === undefined) await run();
        else context.skip(skipped);
      });
    }
  });
}

/** The suite as data, for another runner, or for a test that expects a sink to fail. */
export function sinkContractCases<Backend>(contract: SinkContract<Backend>): readonly ContractCase[] {
  return CONTRACT_FACTS.filter((fact) => fact.excluded?.(contract) === undefined).map((fact) => ({
    name: fact.name,
    skipped: fact.skipped?.(contract),
    run: async () => {
      const session = await openContractSession(contract);
      try {
        await fact.check(session);
      } finally {
        await session.end();
      }
    },
  }));
}
