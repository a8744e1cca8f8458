import { expect, it } from 'vitest';
import { runUrl } from './server-run.ts';

it.each([
  ['https://api.wandb.ai', 'https://wandb.ai/team/demo/runs/run%201'],
  ['https://api.example.com', 'https://app.example.com/team/demo/runs/run%201'],
  ['https://wandb.example.com/base', 'https://wandb.example.com/base/team/demo/runs/run%201'],
  ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/team/demo/runs/run%201'],
])('a run at %s is shown at %s', (baseUrl, url) => {
  expect(runUrl(baseUrl, { entity: 'team', project: 'demo', run: 'run 1' })).toBe(url);
});
