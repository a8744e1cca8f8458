/** Text in SVG, whatever it holds, and about how wide it will be: there is no font to ask. */

/** What XML 1.0 has no way to say: https://www.w3.org/TR/xml/#charsets. */
const NOT_IN_XML = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

/** The text for an element or an attribute; what XML cannot hold becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(NOT_IN_XML, '\uFFFD')
    .replaceAll(/[&<>"']/gu, (character) => `&#${character.codePointAt(0)};`);
}

/** Widths of Helvetica's characters in em, by kind, rather too wide than too narrow. */
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/[ilj|!'.,:;]/u, 0.28],
  [/[ftr()[\]/\\ -]/u, 0.34],
  [/[mwMW@%]/u, 0.9],
  [/[A-Z_]/u, 0.7],
  [/[\u{20}-\u{24F}−×]/u, 0.56],
];
const WIDEST = 1;

/** In pixels, about, at this font size. */
export function textWidth(text: string, fontSize: number): number {
  let width = 0;
  for (const character of text) width += WIDTHS.find(([kind]) => kind.test(character))?.[1] ?? WIDEST;
  return width * fontSize;
}

/** The text, or as much of its start as there is room for and an ellipsis. */
export function fitted(text: string, fontSize: number, room: number): string {
  if (textWidth(text, fontSize) <= room) return text;
  const characters = [...text];
  while (characters.length > 0 && textWidth(`${characters.join('')}…`, fontSize) > room) characters.pop();
  return `${characters.join('').trimEnd()}…`;
}
