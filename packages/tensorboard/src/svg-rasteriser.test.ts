import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { readImageHeader } from '@runcast/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SvgRasteriser, type SvgRasteriserOptions } from './svg-rasteriser.ts';

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><text y="15">lr = 3e-4</text></svg>';
/** Noise of so many octaves that it would never be done. */
const ENDLESS = `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><filter id="f">
  <feTurbulence baseFrequency="0.1" numOctaves="100000000"/></filter>
  <rect filter="url(#f)" width="50" height="50"/></svg>`;

/** An effect of a size on which the renderer panics. */
const BREAKING = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">
  <filter id="f" x="0" y="0" width="1e38" height="1e38" filterUnits="userSpaceOnUse"><feOffset dx="1e38"/></filter>
  <rect filter="url(#f)" width="9" height="9"/></svg>`;

let place = '';
const opened: SvgRasteriser[] = [];

beforeEach(() => {
  place = mkdtempSync(path.join(tmpdir(), 'runcast-rasteriser-'));
});

afterEach(() => {
  for (const rasteriser of opened.splice(0)) rasteriser.close();
  rmSync(place, { recursive: true });
});

function open(options: SvgRasteriserOptions = {}): SvgRasteriser {
  const rasteriser = new SvgRasteriser(options);
  opened.push(rasteriser);
  return rasteriser;
}

/** A thread's module with this text. */
function threadOf(text: string): URL {
  const file = path.join(place, 'thread.mjs');
  writeFileSync(file, text);
  return pathToFileURL(file);
}

describe('the rasteriser', () => {
  it('draws while its caller waits, the same bytes each time and in each thread', () => {
    const first = open();
    const drawn = first.draw(SVG);
    expect(drawn).toBeInstanceOf(Uint8Array);
    expect(first.draw(SVG)).toEqual(drawn);
    expect(open().draw(SVG)).toEqual(drawn);
    expect(typeof drawn === 'string' ? drawn : readImageHeader(drawn)).toEqual({
      format: 'png',
      width: 30,
      height: 20,
    });
  });

  it('says why an SVG cannot be drawn, and draws the next', () => {
    const rasteriser = open();
    expect(rasteriser.draw('<svg')).toContain('the SVG cannot be drawn');
    expect(rasteriser.draw(SVG)).toBeInstanceOf(Uint8Array);
  });

  it('gives up on an SVG that takes too long, and draws the next in a new thread', () => {
    const rasteriser = open({ timeLimitMs: 3000 });
    expect(rasteriser.draw(ENDLESS)).toBe('drawing the SVG took more than 3 s');
    expect(rasteriser.draw(SVG)).toBeInstanceOf(Uint8Array);
  });

  it('starts anew where it was closed', () => {
    const rasteriser = open();
    rasteriser.draw(SVG);
    rasteriser.close();
    rasteriser.close();
    expect(rasteriser.draw(SVG)).toBeInstanceOf(Uint8Array);
  });

  it('gives up a renderer that broke, and draws the next in a new thread', () => {
    const rasteriser = open();
    expect(rasteriser.draw(BREAKING)).toMatch(/^the SVG breaks the renderer: /u);
    expect(rasteriser.draw(SVG)).toBeInstanceOf(Uint8Array);
  });

  it('outlives a thread that fails', () => {
    const rasteriser = open({ workerUrl: threadOf('throw new Error("no");'), timeLimitMs: 300 });
    expect(rasteriser.draw(SVG)).toBe('drawing the SVG took more than 0.3 s');
  });
});

describe('where it cannot draw', () => {
  it('says what to install', () => {
    const missing = (file: string): string => {
      throw new Error(`Cannot find module ${file}`);
    };
    expect(open({ resolve: missing }).draw(SVG)).toBe(
      'drawing SVG images needs optional packages, which are not installed: npm install @resvg/resvg-wasm dejavu-fonts-ttf',
    );
  });

  it('says that its module is lost', () => {
    const workerUrl = pathToFileURL(path.join(place, 'gone.js'));
    expect(open({ workerUrl }).draw(SVG)).toMatch(/gone\.js is not to be found, as after bundling$/u);
  });
});
