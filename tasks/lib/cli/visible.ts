/** Texts of others on a terminal: what would move its cursor, set its title or turn its writing is shown, not obeyed. */

/**
 * Control characters but for tab and line break, characters that turn the direction of writing or have no shape, halves
 * of characters, other line breaks. Joiners and tags stay: languages and emoji are written with them.
 */
const UNSEEN = /(?![\t\n\u200c\u200d\u{e0020}-\u{e007f}])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const CONTROL_PICTURES = 0x2400;

/** Shows each control character as its picture (␛), and what has none by its code (`\u202e`). */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0)!;
    if (code < 0x20) return String.fromCharCode(CONTROL_PICTURES + code);
    return code === 0x7f ? "␡" : escaped(character);
  });
}

/** As `visible`, for what is to stay on one line: also tabs and line breaks are shown. */
export function visibleLine(text: string): string {
  return visible(text).replaceAll("\n", "␊").replaceAll("\t", "␉");
}

/** JSON that a terminal can show, too: JSON itself lets all but the first 32 of these characters stand. */
export function visibleJson(json: string): string {
  return json.replace(UNSEEN, escaped);
}

/** Each UTF-16 code unit, as JSON writes it. */
function escaped(character: string): string {
  return character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
}
