/** Evaluates whether the policies of a template allow a request. */
import type { Template } from 'aws-cdk-lib/assertions';

export const REGION = 'eu-central-1';
export const ACCOUNT = '123456789012';

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
}

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

/** A template as if it were deployed. The names of its resources are their logical ids. */
export class Policies {
  readonly #resources: Readonly<Record<string, Resource>>;
  readonly #stackName: string;

  constructor(template: Template, stackName: string) {
    this.#resources = template.toJSON().Resources as Record<string, Resource>;
    this.#stackName = stackName;
  }

  /** The logical ids of the resources of a type. */
  idsOf(type: string): string[] {
    return Object.keys(this.#resources).filter((id) => this.#resource(id).Type === type);
  }

  /** The ARNs of the resources of a type. */
  arnsOf(type: string): string[] {
    return this.idsOf(type).map((id) => this.#arn(id));
  }

  /** Whether one of the policies whose logical id contains this allows the action. */
  allows(idPart: string, action: string, arn: string): boolean {
    return this.#statements(idPart).some(
      ({ Action, Resource: resources }) =>
        [Action].flat().includes(action) &&
        [resources].flat().some((resource) => globToRegExp(this.render(resource)).test(arn)),
    );
  }

  /** Returns the text that CloudFormation makes from a value. */
  render(value: unknown): string {
    if (typeof value === 'string') return value;
    const [name, argument] = Object.entries(value as Record<string, unknown>)[0] ?? [];
    switch (name) {
      case 'Ref':
        return this.#ref(argument as string);
      case 'Fn::GetAtt': {
        const [id, attribute] = argument as [string, string];
        if (attribute === 'Arn') return this.#arn(id);
        if (attribute === 'Name') return id;
        break;
      }
      case 'Fn::Join': {
        const [separator, parts] = argument as [string, unknown[]];
        return parts.map((part) => this.render(part)).join(separator);
      }
      case 'Fn::Select': {
        const [index, { 'Fn::Split': split }] = argument as [number, { 'Fn::Split': [string, unknown] }];
        return this.render(split[1]).split(split[0])[Number(index)] ?? '';
      }
    }
    throw new Error(`cannot render ${JSON.stringify(value)}`);
  }

  #statements(idPart: string): Statement[] {
    return this.idsOf('AWS::IAM::Policy')
      .filter((id) => id.includes(idPart))
      .flatMap(
        (id) => (this.#resource(id).Properties.PolicyDocument as { Statement: Statement[] }).Statement,
      );
  }

  #resource(id: string): Resource {
    const resource = this.#resources[id];
    if (resource === undefined) throw new Error(`the template has no resource ${id}`);
    return resource;
  }

  #ref(name: string): string {
    switch (name) {
      case 'AWS::Partition':
        return 'aws';
      case 'AWS::Region':
        return REGION;
      case 'AWS::AccountId':
        return ACCOUNT;
      case 'AWS::StackName':
        return this.#stackName;
      case 'AWS::StackId':
        return `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${this.#stackName}/6f6b6a10-0000-11f0-8000-0a0a0a0a0a0a`;
      default:
        return this.#resource(name).Type === 'AWS::StepFunctions::StateMachine' ? this.#arn(name) : name;
    }
  }

  #arn(id: string): string {
    const { Type } = this.#resource(id);
    switch (Type) {
      case 'AWS::S3::Bucket':
        return `arn:aws:s3:::${id}`;
      case 'AWS::Lambda::Function':
        return `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${id}`;
      case 'AWS::StepFunctions::StateMachine':
        return `arn:aws:states:${REGION}:${ACCOUNT}:stateMachine:${id}`;
      case 'AWS::Logs::LogGroup':
        return `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${id}:*`;
      default:
        return `arn:aws:${Type}:${id}`;
    }
  }
}

/** `*` and `?` as IAM reads them: they match slashes and colons too. */
function globToRegExp(pattern: string): RegExp {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}
