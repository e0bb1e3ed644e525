import longest from './longest.ts';

export const apps = { longest };
