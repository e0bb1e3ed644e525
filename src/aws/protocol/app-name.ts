/** The name of an app is also the name of a folder, because uploads below `input/<app>/` start the app. */

export const APP_NAME_CHARACTERS_MAX = 200;

/** Returns what is wrong with the name, to follow "the app name ..."; undefined if it is valid. */
export function appNameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.length > APP_NAME_CHARACTERS_MAX) {
    return `has ${name.length} characters; the maximum is ${APP_NAME_CHARACTERS_MAX}`;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  if (/[/\x00-\x1f\x7f-\x9f]/.test(name) || name === '.' || name === '..' || !name.isWellFormed()) {
    return 'cannot be the name of a folder, but uploads below input/<app>/ start the app. Remove slashes and control characters';
  }
  return undefined;
}
