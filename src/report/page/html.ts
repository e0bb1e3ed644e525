/** HTML templates. Values put into a template are escaped as text, unless a template made them. */

export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type HtmlValue = Html | string | number | readonly HtmlValue[];

/** @example html`<b class="${name}">${text}</b>` */
export function html(literals: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(
    literals
      .map((literal, index) => literal + (index < values.length ? textOf(values[index]!) : ''))
      .join(''),
  );
}

function textOf(value: HtmlValue): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value));
  return value.map(textOf).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Escapes text for elements and quoted attributes. Characters that HTML does not allow, and those that reverse the
 * direction of text, become a dot.
 */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(UNPRINTABLE, '\u00b7')
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

const UNPRINTABLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression matches them on purpose.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g;
