// A run of W&B's client for Node, npm's @wandb/sdk: started with WANDB_* in the environment, it logs some rows and finishes.
import wandb from '@wandb/sdk';

const ROWS = 50;

await wandb.init({ project: 'sdk', id: 'from-node', name: 'baseline', config: { lr: 0.1 } });
for (let step = 0; step < ROWS; step += 1) wandb.log({ loss: 1 / (step + 1) });
await wandb.finish();
