import type { Services, World } from '../services.ts';
import type { StepFunctionsQuotas } from './quotas.ts';

/** What the coordinator does wrong, apart from what its quotas make it do. Used by fault schedules. */
export interface CoordinatorFaults {
  /**
   * Whether a child of a Distributed Map is lost: 'not started', or its failure is swallowed, as LocalStack does, or it
   * runs twice. AWS does none of these for STANDARD children; the barriers must survive them.
   */
  readonly child?: (child: {
    readonly label: string;
    readonly index: number;
  }) => 'not started' | 'failure swallowed' | 'runs twice' | undefined;
}

export interface StepFunctionsParts {
  readonly world: World;
  readonly services: Services;
  readonly quotas?: Partial<StepFunctionsQuotas>;
  readonly faults?: CoordinatorFaults;
  /** Part of ARNs. Default: us-east-1 and 123456789012. */
  readonly region?: string;
  readonly account?: string;
}
