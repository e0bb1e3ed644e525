/** Findings of cdk-nag that are meant to be, each with its reason where it is made. */
import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

export function acknowledge(construct: IConstruct, reasonByRule: Readonly<Record<string, string>>): void {
  for (const [id, reason] of Object.entries(reasonByRule)) {
    Validations.of(construct).acknowledge({ id, reason });
  }
}

/** One wildcard in one policy, and no other. */
export function acknowledgeWildcard(construct: IConstruct, resource: string, reason: string): void {
  const finding = printed(Stack.of(construct).resolve(resource));
  Validations.of(construct).acknowledge({ id: `AwsSolutions-IAM5[Resource::${finding}]`, reason });
}

/** As cdk-nag prints it: `<LogicalId.Arn>/jobs/*`. */
function printed(resolved: unknown): string {
  if (typeof resolved === 'string') return resolved;
  const [[intrinsic, value]] = Object.entries(resolved as Record<string, unknown>);
  if (intrinsic === 'Ref') return `<${value}>`;
  if (intrinsic === 'Fn::GetAtt') return `<${(value as string[]).join('.')}>`;
  if (intrinsic === 'Fn::Join') {
    const [separator, parts] = value as [string, unknown[]];
    return parts.map(printed).join(separator);
  }
  throw new Error(`cdk-nag's name for ${JSON.stringify(resolved)} is not known`);
}
