/**
 * An SVG to a PNG, for TensorBoard, which shows none of the former. The renderer is resvg, as WebAssembly: it can neither
 * open a file nor a connection, and the same bytes come of an SVG on every machine. It sees no fonts but those it is given.
 * Loaded only where something is drawn, in a thread of its own: see svg-rasteriser.ts.
 */

import { readFileSync } from 'node:fs';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

/** Where the parts of the renderer are. */
export interface RendererFiles {
  readonly wasm: string;
  /** TrueType fonts; the first one's family is used wherever an SVG names one that is not here. */
  readonly fonts: readonly string[];
}

/** The family of the fonts given. */
const FAMILY = 'DejaVu Sans';

/** 64 MB of pixels: a drawing for a page that shows it some hundred pixels wide. */
const MAX_PIXELS = 16_777_216;

/** An SVG that is not drawn, its own fault. The renderer is as good as before. */
export class UndrawableError extends Error {
  override readonly name = 'UndrawableError';
}

/**
 * Loads the renderer, once in a thread: it keeps its state beside the module. What is returned gives a PNG on white, or
 * throws {@link UndrawableError}; after any other error it is not to be called again.
 */
export async function loadRenderer(files: RendererFiles): Promise<(svg: string) => Uint8Array> {
  await initWasm(readFileSync(files.wasm));
  const fontBuffers = files.fonts.map((font) => readFileSync(font));
  const families = { defaultFontFamily: FAMILY, serifFamily: FAMILY, sansSerifFamily: FAMILY };
  const options = { font: { fontBuffers, ...families }, background: 'white' };
  return (svg) => {
    refuseReferences(svg);
    const image = parsed(() => new Resvg(svg, options));
    const { width, height } = image;
    // Sizes that overflow the renderer's integers come here as well: it would panic on them.
    if (!(width * height <= MAX_PIXELS)) {
      image.free();
      const size = `${Math.ceil(width)} by ${Math.ceil(height)} pixels`;
      throw new UndrawableError(`the SVG is ${size}, more than ${MAX_PIXELS} in all`);
    }
    // Where one of these panics there is nothing left to be freed.
    const raster = image.render();
    const png = raster.asPng();
    raster.free();
    image.free();
    return png;
  };
}

function parsed<Image>(parse: () => Image): Image {
  try {
    return parse();
  } catch (error) {
    // What it says of an SVG is a plain Error. A RangeError is its stack that overflowed, a RuntimeError that it panicked.
    if (error instanceof Error && error.name === 'Error')
      throw new UndrawableError(`the SVG cannot be drawn: ${error.message}`, { cause: error });
    throw error;
  }
}

const COMMENT = /<!--[\s\S]*?-->/gu;
/** What an element other than a link refers to, where that is neither in the SVG nor in the reference itself. */
const REFERENCE = /<(?!(?:[\w.-]+:)?a\s)[\w:.-]+[^<>]*?\s(?:[\w.-]+:)?href\s*=\s*["']\s*(?!#|data:|["'\s])([^"']+)/iu;
const STYLE_REFERENCE = /\burl\(\s*["']?\s*(?!#|data:|["')\s])([^"')]+)|@import\s+["']([^"']+)/iu;

/** The renderer would leave out what it cannot fetch, and say nothing. */
function refuseReferences(svg: string): void {
  const text = svg.replaceAll(COMMENT, '');
  const found = REFERENCE.exec(text) ?? STYLE_REFERENCE.exec(text);
  if (found === null) return;
  const target = String(found[1] ?? found[2])
    .trim()
    .slice(0, 200);
  throw new UndrawableError(
    `the SVG refers to ${JSON.stringify(target)}: what it shows has to be in it, as data: URLs`,
  );
}
