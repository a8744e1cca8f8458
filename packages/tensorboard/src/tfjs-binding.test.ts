import { ConfigError } from '@runcast/core';
import { describe, expect, it } from 'vitest';
import { loadTfjsBinding, type Require } from './tfjs-binding.ts';

const BINDING = {
  TF_STRING: 7,
  TF_INT32: 3,
  TF_ATTR_STRING: 0,
  createTensor: () => 1,
  deleteTensor: () => undefined,
  executeOp: () => [],
};

const nowhere: Require = (name) => {
  throw new Error(`Cannot find module '${name}'\nRequire stack:\n- /a.js`);
};

/** A place where a package is found with this as its backend `tensorflow`. */
function having(backend: unknown): Require {
  return () => ({ findBackend: (name: string) => (name === 'tensorflow' ? backend : undefined) });
}

describe('loadTfjsBinding', () => {
  it('takes the first package that there is', () => {
    expect(loadTfjsBinding([nowhere, having({ binding: BINDING }), having(undefined)])).toBe(BINDING);
  });

  it('says what to do where there is none', () => {
    expect(() => loadTfjsBinding([nowhere])).toThrow(
      new ConfigError([
        {
          variable: 'TENSORBOARD__ENGINE',
          message:
            "@tensorflow/tfjs-node cannot be loaded: Cannot find module '@tensorflow/tfjs-node'; npm install @tensorflow/tfjs-node, or set it to native",
        },
      ]),
    );
  });

  it('looks beside this package and in the working directory, where this workspace has none', () => {
    expect(() => loadTfjsBinding()).toThrow(/cannot be loaded: Cannot find module/u);
  });

  it.each([
    ['has no backends', () => ({}), /cannot be loaded: what was found has no findBackend/u],
    ['is nothing', () => undefined, /cannot be loaded/u],
    ['throws nothing that says why', () => ({ findBackend: 1 }), /cannot be loaded/u],
    ['has another backend only', having(undefined), /none this version can work with/u],
    ['has a backend without a binding', having({}), /none this version can work with/u],
    ['has a backend that is null', having(null), /none this version can work with/u],
    ['has a binding that is null', having({ binding: null }), /none this version can work with/u],
    ['lacks a function', having({ binding: { ...BINDING, executeOp: 1 } }), /none this version can work with/u],
    ['lacks a constant', having({ binding: { ...BINDING, TF_INT32: undefined } }), /4\.22 is, or set it to native/u],
  ])('refuses a package that %s', (_, place, message) => {
    expect(() => loadTfjsBinding([place])).toThrow(message);
  });
});
