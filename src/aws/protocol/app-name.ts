/** The name of an app is also a folder's: uploads below `input/<app>/` start it. */

export const APP_NAME_CHARACTERS_MAX = 200;

/** Undefined when the name is fit for an app. Ends the sentence "the app name ...". */
export function appNameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.length > APP_NAME_CHARACTERS_MAX) {
    return `has ${name.length} characters; it may have ${APP_NAME_CHARACTERS_MAX}`;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  if (/[/\x00-\x1f\x7f-\x9f]/.test(name) || name === '.' || name === '..' || !name.isWellFormed()) {
    return "cannot be a folder's: uploads below input/<app>/ start it. Leave out slashes and control characters";
  }
  return undefined;
}
