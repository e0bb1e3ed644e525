/** Acknowledges findings of cdk-nag; each caller gives the reason. */
import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

export function acknowledge(construct: IConstruct, reasonByRule: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(reasonByRule)) {
    Validations.of(construct).acknowledge({ id, reason });
  }
}

/** Acknowledges one wildcard in one policy, and no other. */
export function acknowledgeWildcard(construct: IConstruct, resource: string, reason: string): void {
  const finding = printed(Stack.of(construct).resolve(resource));
  Validations.of(construct).acknowledge({ id: `AwsSolutions-IAM5[Resource::${finding}]`, reason });
}

/** A string as CDK resolves it. Only the CloudFormation functions that our ARNs use are listed. */
type Resolved =
  | string
  | { readonly Ref: string }
  | { readonly 'Fn::GetAtt': readonly string[] }
  | { readonly 'Fn::Join': readonly [separator: string, parts: readonly Resolved[]] };

/** The string as cdk-nag prints it: `<LogicalId.Arn>/jobs/*`. */
function printed(resolved: Resolved): string {
  if (typeof resolved === 'string') return resolved;
  if ('Ref' in resolved) return `<${resolved.Ref}>`;
  if ('Fn::GetAtt' in resolved) return `<${resolved['Fn::GetAtt'].join('.')}>`;
  if ('Fn::Join' in resolved) {
    const [separator, parts] = resolved['Fn::Join'];
    return parts.map(printed).join(separator);
  }
  throw new Error(`cannot tell how cdk-nag prints ${JSON.stringify(resolved)}. Add its function to nag.ts`);
}
