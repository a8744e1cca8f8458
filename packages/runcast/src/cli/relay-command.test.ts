import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeWorkplace, type Workplace } from './captured-run.ts';

let place: Workplace;

beforeEach(() => {
  place = makeWorkplace();
});

afterEach(() => place.remove());

it.each([
  [[], {}, 'a relay reads from Redis: --from redis'],
  [['--from', 'kafka', '--group', 'lab'], {}, 'a relay reads from Redis: --from redis'],
  [['--from', 'redis'], {}, '--group expects a name'],
  [['--from', 'redis', '--group', 'a b'], {}, '--group expects a name'],
  [['--from', 'redis', '--group', 'lab'], { REDIS__URL: 'nowhere' }, 'REDIS__URL: expects redis://'],
  [['--from', 'redis', '--group', 'lab'], { JSONL__ENABLED: 'perhaps' }, 'JSONL__ENABLED: expects true or false'],
])('relay %j with %j makes no sense', async (argv, env, problem) => {
  const { code, stderr } = await place.runcast(['relay', ...argv], env);
  expect(code).toBe(2);
  expect(stderr).toContain(problem);
});
