// A trainer that ends as its first argument says, after 300 steps.
import { publisherFromEnv, withPublisher, type MetricsPublisher } from 'runcast';

const [, , ending = ''] = process.argv;
const STEPS = 300;

function train(publisher: MetricsPublisher): void {
  for (let step = 1; step <= STEPS; step += 1) publisher.logStep({ step, loss: 1 / step });
}

/** The application's own exit listener, registered before Runcast's. */
if (ending === 'listener-throws')
  process.on('exit', () => {
    throw new Error('the application’s exit listener');
  });
if (ending === 'listener-exits') process.on('exit', () => process.exit(7));

const ENDINGS: Readonly<Record<string, (publisher: MetricsPublisher) => unknown>> = {
  close: (publisher) => publisher.close(),
  'exit-at-once': () => process.exit(0),
  'listener-throws': () => process.exit(0),
  'listener-exits': () => process.exit(0),
  'exit-failing': () => process.exit(3),
  'exit-after-a-while': () => setTimeout(() => process.exit(0), 300),
  'exit-while-closing': (publisher) => {
    void publisher.close({ status: 'finished' });
    process.exit(0);
  },
  'exit-while-flushing': async (publisher) => {
    await publisher.flush();
    void publisher.flush();
    process.exit(0);
  },
  throw: () => {
    throw new Error('a mistake in training');
  },
  reject: () => Promise.reject(new Error('a mistake in training')),
  natural: () => undefined,
  unsettled: () => new Promise(() => undefined),
  'sigterm-handled': () => {
    process.once('SIGTERM', () => process.exit(143));
    setInterval(() => undefined, 1000);
    process.kill(process.pid, 'SIGTERM');
  },
  // Three hundred calls in a millisecond are above the rate at which each is written at once; the rest is, a microtask later.
  sigterm: async () => {
    await Promise.resolve();
    process.kill(process.pid, 'SIGTERM');
  },
  sigkill: async () => {
    await Promise.resolve();
    process.kill(process.pid, 'SIGKILL');
  },
  'sigkill-in-a-flood': () => process.kill(process.pid, 'SIGKILL'),
};

if (ending === 'with-success') {
  await withPublisher({}, train);
} else if (ending === 'with-failure') {
  await withPublisher({}, (publisher) => {
    train(publisher);
    throw new Error('diverged');
  });
} else if (ending === 'using') {
  await using publisher = await publisherFromEnv();
  train(publisher);
} else {
  const end = ENDINGS[ending];
  if (end === undefined) throw new RangeError(`no such ending: ${ending}`);
  const publisher = await publisherFromEnv();
  train(publisher);
  await end(publisher);
}
