import { Aws, CfnCondition, Fn, type Stack } from 'aws-cdk-lib';

/** `https://<region>.console.aws.amazon.com`; the partitions aws-cn and aws-us-gov have domains of their own. */
export function consoleUrl(stack: Stack): string {
  const isPartition = (id: string, partition: string) =>
    new CfnCondition(stack, id, { expression: Fn.conditionEquals(Aws.PARTITION, partition) }).logicalId;
  const domain = Fn.conditionIf(
    isPartition('IsChina', 'aws-cn'),
    'console.amazonaws.cn',
    Fn.conditionIf(
      isPartition('IsGovCloud', 'aws-us-gov'),
      'console.amazonaws-us-gov.com',
      'console.aws.amazon.com',
    ),
  );
  return `https://${stack.region}.${domain.toString()}`;
}
