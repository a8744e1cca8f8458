// Publishers opened and closed by the hundred in one process leave nothing behind: no descriptor, timer, thread or listener.
import type { Cell } from './cell.ts';
import { ChildProgram, programFile } from './child-program.ts';
import { settingsFor } from './recovery.ts';
import { encodeSettings, type Host } from './trainer-settings.ts';

const SINKS = ['jsonl', 'tensorboard'] as const;

export const leakCells: readonly Cell[] = [
  leakCell(40, 'inline', false),
  leakCell(8, 'worker', false),
  leakCell(1_000, 'inline', true),
  leakCell(100, 'worker', true),
];

function leakCell(count: number, host: Host, long: boolean): Cell {
  return {
    promise: 'leaks',
    // The same every time; one is as good as many.
    mostRounds: 5,
    fault: `${count} publishers opened and closed in one process`,
    sinks: SINKS.join(' + '),
    host,
    long,
    play: async (round) => {
      const settings = settingsFor(round.folder, { sinks: SINKS, host, steps: count });
      const program = new ChildProgram(programFile('leak-check.ts'), [encodeSettings(settings)], {}, LEAK_CHECK_MS);
      const { code } = await program.ended;
      if (code !== 0) return [`the process ended with code ${code}: ${program.errors}`];
      round.judged(count);
      return program.lines.filter((line) => line.startsWith('leak')).map((line) => line.slice('leak '.length));
    },
  };
}

/** A publisher takes some 30 ms with the git commands that it asks. */
const LEAK_CHECK_MS = 300_000;
