import type { DeployedApp } from '../../src/aws/protocol/app-catalog.ts';

export const PARAMS = { least: { type: 'number', default: 1, description: 'count' } } as const;

/** An app as the catalog of a stack describes it. */
export function deployedApp(name: string, more: Partial<DeployedApp> = {}): DeployedApp {
  return {
    name,
    description: `Does ${name}`,
    params: {},
    isMapOnly: true,
    inputs: [{ isGenerated: false, isText: true, looks: true }],
    ...more,
  };
}
