export function enableOwnCompileCache(): void;
export function ownFolder(): string | undefined;
