export function runBundle(path: string, build?: object): Record<string, unknown>;
